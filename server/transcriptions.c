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

static void answer_failure(struct exchange *x, const struct asr_error *err)
{
    struct api_error e;

    api_error_of_audio(&e, err);
    answer_error(&x->answer, &e);
}

static void render(struct exchange *x, const struct transcript *transcript,
                   const struct phrases *phrases)
{
    const struct transcription_request *request = upload_request(x->upload);
    const struct transcription_answer answer = {
        transcript, model_config(pipeline_model(x->service->pipeline)), phrases};
    struct asr_error err;
    struct api_error e;

    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    if (transcription_render(&answer, request, &x->answer.body, &err) != ASR_OK) {
        api_fail(&e, err.status == ASR_ERR_NOMEM ? API_OVERLOADED : API_INTERNAL, NULL, "%s",
                 err.text);
        answer_error(&x->answer, &e);
        return;
    }
    x->answer.status = 200;
    x->answer.content_type = transcription_content_type(request->format);
}

static enum asr_status run(struct exchange *x, struct pipeline_worker *worker,
                           const struct phrases *phrases, struct transcript **out,
                           struct asr_error *err)
{
    const struct transcription_request *request = upload_request(x->upload);
    const struct buffer *audio = upload_audio(x->upload);
    const struct recording recording = {audio->bytes, audio->n_bytes, request->raw,
                                        request->channel};
    const struct transcribe_options options = {
        .phrases = phrases,
        .n_best = request->n_alternatives > 0 ? request->n_alternatives : 1,
        .alpha = request->alpha,
        .beta = request->beta,
    };

    return pipeline_run(x->service->pipeline, worker, &recording, &options, out, &x->times, err);
}

/* On a worker thread. */
static void transcribe(struct pool_job *job, void *scratch)
{
    struct exchange *x = (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
    const struct phrase_list *list = &upload_request(x->upload)->phrases;
    struct transcript *transcript = NULL;
    struct phrases *phrases = NULL;
    struct asr_error err;
    enum asr_status st = ASR_OK;

    x->queue_ms = clock_ms() - x->submitted_ms;
    if (list->n_phrases > 0)
        st = phrases_new(&phrases, model_config(pipeline_model(x->service->pipeline)),
                         list->phrases, list->n_phrases, &err);
    if (st == ASR_OK)
        st = run(x, scratch, phrases, &transcript, &err);
    if (st == ASR_OK)
        render(x, transcript, phrases);
    else
        answer_failure(x, &err);
    transcript_free(transcript);
    phrases_free(phrases);
    http_resume(x);
}

/* All of the request is here: whether it can be served. */
static enum api_error_code check(const struct exchange *x, struct api_error *e)
{
    const struct options *options = x->service->options;
    const struct model_config *config = model_config(pipeline_model(x->service->pipeline));
    const struct transcription_request *request = upload_request(x->upload);
    enum api_error_code code = upload_finish(x->upload, e);

    if (code == API_OK)
        code = transcription_request_finish(request, upload_has_file(x->upload), config->name,
                                            options->model_alias, config->language, e);
    if (code == API_OK && options->decoder == DECODER_GREEDY)
        code = transcription_request_check_greedy(request, e);
    return code;
}

void transcriptions_end(struct exchange *x)
{
    struct api_error e;

    if (check(x, &e) != API_OK) {
        answer_error(&x->answer, &e);
        return;
    }
    x->job.run = transcribe;
    x->submitted_ms = clock_ms();
    http_suspend(x); /* first: the worker may be done before we are back */
    if (!pool_submit(x->service->pool, &x->job)) {
        api_fail(&e, API_OVERLOADED, NULL, "too many recordings are waiting");
        answer_error(&x->answer, &e);
        http_resume(x);
    }
}
