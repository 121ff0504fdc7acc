#include "server/audio_endpoint.h"

#include "server/clock.h"
#include "server/http.h"
#include "server/routes.h"
#include "server/service.h"
#include "server/upload.h"

struct query {
    struct upload *upload;
    enum api_error_code code;
    struct api_error *e;
};

static void take_query(void *ctx, const char *name, const char *value, size_t n_bytes)
{
    struct query *query = ctx;

    if (query->code == API_OK)
        query->code = upload_field(query->upload, name, value, n_bytes, query->e);
}

/* Refused before the body is read: there is no sense in a hundred megabytes on their way to a
 * 503. */
static enum api_error_code begin(struct exchange *x, struct api_error *e)
{
    struct service *service = x->service;
    enum api_error_code code;

    switch (service_state(service)) {
    case SERVICE_LOADING:
        return api_fail(e, API_NOT_READY, NULL, "the model is being loaded");
    case SERVICE_DRAINING:
        return api_fail(e, API_NOT_READY, NULL, "the server is shutting down");
    case SERVICE_READY:
        break;
    }
    if (pool_is_full(service->pool))
        return api_fail(e, API_OVERLOADED, NULL, "too many recordings are waiting");
    code = upload_new(&x->upload, x->route->endpoint->requests, http_header(x, "Content-Type"),
                      (size_t)service->options->max_body_bytes, e);
    if (code == API_OK && upload_is_raw(x->upload)) {
        struct query query = {x->upload, API_OK, e};
        http_each_query(x, take_query, &query);
        code = query.code;
    }
    return code;
}

void audio_endpoint_begin(struct exchange *x)
{
    struct api_error e;

    if (begin(x, &e) != API_OK)
        answer_error(&x->answer, &e);
}

void audio_endpoint_body(struct exchange *x, const char *bytes, size_t n_bytes)
{
    struct api_error e;

    if (upload_push(x->upload, bytes, n_bytes, &e) != API_OK)
        answer_error(&x->answer, &e);
}

static struct exchange *exchange_of(struct pool_job *job)
{
    return (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
}

static void run(struct pool_job *job)
{
    struct exchange *x = exchange_of(job);

    x->times.queue_ms = clock_ms() - x->submitted_ms;
    x->route->endpoint->run(x, upload_request(x->upload));
}

static void finish(struct pool_job *job)
{
    http_resume(exchange_of(job));
}

void audio_endpoint_end(struct exchange *x)
{
    const struct service *service = x->service;
    const struct model_config *config = model_config(pipeline_model(service->pipeline));
    const struct served served = {
        .model = config->name,
        .aliases = service->options->model_alias,
        .language = config->language,
        .greedy = service->options->decoder == DECODER_GREEDY,
        .keeps = service->options->keep_bytes > 0,
    };
    struct api_error e;

    if (upload_finish(x->upload, &e) != API_OK ||
        audio_request_finish(upload_request(x->upload), upload_has_file(x->upload), &served, &e) !=
            API_OK) {
        answer_error(&x->answer, &e);
        return;
    }
    x->job.run = run;
    x->job.finish = finish;
    x->submitted_ms = clock_ms();
    x->ticket.lane = upload_request(x->upload)->bulk ? LANE_BULK : LANE_LIVE;
    x->ticket.deadline_ms = x->submitted_ms + service->options->request_timeout_seconds * 1e3;
    http_suspend(x); /* first: the worker may be done before we are back */
    if (!pool_submit(service->pool, &x->job)) {
        api_fail(&e, API_OVERLOADED, NULL, "too many recordings are waiting");
        answer_error(&x->answer, &e);
        http_resume(x);
    }
}

/* ---- for run() --------------------------------------------------------------------------------
 */

struct recording audio_endpoint_recording(const struct exchange *x)
{
    const struct audio_request *request = upload_request(x->upload);
    const struct buffer *audio = upload_audio(x->upload);

    return (struct recording){audio->bytes, audio->n_bytes, request->raw, request->channel};
}

void audio_endpoint_answer(struct exchange *x, const char *content_type, enum asr_status rendered,
                           const struct asr_error *err)
{
    struct api_error e;

    if (rendered != ASR_OK) {
        api_fail(&e, rendered == ASR_ERR_NOMEM ? API_OVERLOADED : API_INTERNAL, NULL, "%s",
                 err->text);
        answer_error(&x->answer, &e);
        return;
    }
    x->answer.status = 200;
    x->answer.content_type = content_type;
}

void audio_endpoint_refuse(struct exchange *x, const struct asr_error *err)
{
    struct api_error e;

    api_error_of_audio(&e, err);
    answer_error(&x->answer, &e);
}
