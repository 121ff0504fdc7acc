#include "server/transcriptions.h"

#include <stddef.h>
#include <string.h>

#include "proto/transcription_response.h"
#include "server/clock.h"
#include "server/exchange.h"
#include "server/http.h"
#include "server/service.h"
#include "server/upload.h"

/* Of an answer: a day of words with times is some 40 MB. */
#define MAX_ANSWER_BYTES ((size_t)64 << 20)

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
    code = upload_new(&x->upload, http_header(x, "Content-Type"),
                      (size_t)service->options->max_body_bytes, e);
    if (code == API_OK && upload_is_raw(x->upload)) {
        struct query query = {x->upload, API_OK, e};
        http_each_query(x, take_query, &query);
        code = query.code;
    }
    return code;
}

void transcriptions_begin(struct exchange *x)
{
    struct api_error e;

    if (begin(x, &e) != API_OK)
        answer_error(&x->answer, &e);
}

void transcriptions_body(struct exchange *x, const char *bytes, size_t n_bytes)
{
    struct api_error e;

    if (upload_push(x->upload, bytes, n_bytes, &e) != API_OK)
        answer_error(&x->answer, &e);
}

static void render(struct exchange *x, const struct transcript *transcript)
{
    const struct transcription_request *request = upload_request(x->upload);
    const char *language = model_config(pipeline_model(x->service->pipeline))->language;
    struct asr_error err;
    struct api_error e;

    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    if (transcription_render(transcript, request, language, &x->answer.body, &err) != ASR_OK) {
        api_fail(&e, err.status == ASR_ERR_NOMEM ? API_OVERLOADED : API_INTERNAL, NULL, "%s",
                 err.text);
        answer_error(&x->answer, &e);
        return;
    }
    x->answer.status = 200;
    x->answer.content_type = transcription_content_type(request->format);
}

/* On a worker thread. */
static void transcribe(struct pool_job *job, void *scratch)
{
    struct exchange *x = (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
    const struct transcription_request *request = upload_request(x->upload);
    const struct buffer *audio = upload_audio(x->upload);
    struct recording recording = {audio->bytes, audio->n_bytes, request->raw, request->channel};
    struct transcript *transcript;
    struct asr_error err;
    struct api_error e;

    x->queue_ms = clock_ms() - x->submitted_ms;
    if (pipeline_run(x->service->pipeline, scratch, &recording, &transcript, &x->times, &err) ==
        ASR_OK) {
        render(x, transcript);
        transcript_free(transcript);
    } else {
        api_error_of_audio(&e, &err);
        answer_error(&x->answer, &e);
    }
    http_resume(x);
}

void transcriptions_end(struct exchange *x)
{
    const struct service *service = x->service;
    const struct model_config *config = model_config(pipeline_model(service->pipeline));
    struct api_error e;

    if (upload_finish(x->upload, &e) != API_OK ||
        transcription_request_finish(upload_request(x->upload), upload_has_file(x->upload),
                                     config->name, service->options->model_alias, config->language,
                                     &e) != API_OK) {
        answer_error(&x->answer, &e);
        return;
    }
    x->job.run = transcribe;
    x->submitted_ms = clock_ms();
    http_suspend(x); /* first: the worker may be done before we are back */
    if (!pool_submit(service->pool, &x->job)) {
        api_fail(&e, API_OVERLOADED, NULL, "too many recordings are waiting");
        answer_error(&x->answer, &e);
        http_resume(x);
    }
}
