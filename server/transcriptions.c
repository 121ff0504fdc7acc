#include "server/transcriptions.h"

#include <stddef.h>
#include <string.h>

#include "proto/transcription_response.h"
#include "proto/utf8.h"
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
static enum api_error_code begin(struct exchange *x, enum upload_kind kind, struct api_error *e)
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
    code = upload_new(&x->upload, kind, http_header(x, "Content-Type"),
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

    if (begin(x, UPLOAD_RECORDING, &e) != API_OK)
        answer_error(&x->answer, &e);
}

void redecode_begin(struct exchange *x)
{
    struct api_error e;

    if (begin(x, UPLOAD_REDECODE, &e) != API_OK)
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

static void render(struct exchange *x, const struct transcription_answer *answer)
{
    const struct transcription_request *request = upload_request(x->upload);
    struct asr_error err;
    struct api_error e;

    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    if (transcription_render(answer, request, &x->answer.body, &err) != ASR_OK) {
        api_fail(&e, err.status == ASR_ERR_NOMEM ? API_OVERLOADED : API_INTERNAL, NULL, "%s",
                 err.text);
        answer_error(&x->answer, &e);
        return;
    }
    x->answer.status = 200;
    x->answer.content_type = transcription_content_type(request->format);
}

/* One way from a request to a transcript. */
typedef enum asr_status recognize(struct exchange *x, struct pipeline_worker *worker,
                                  const struct transcribe_options *options, struct transcript **out,
                                  struct asr_error *err);

/* The recording, which has been uploaded. */
static enum asr_status recognize_recording(struct exchange *x, struct pipeline_worker *worker,
                                           const struct transcribe_options *options,
                                           struct transcript **out, struct asr_error *err)
{
    const struct transcription_request *request = upload_request(x->upload);
    const struct buffer *audio = upload_audio(x->upload);
    const struct recording recording = {audio->bytes, audio->n_bytes, request->raw,
                                        request->channel};

    return pipeline_run(x->service->pipeline, worker, &recording, options, out, &x->times, err);
}

static enum asr_status recognize_kept(struct exchange *x, struct pipeline_worker *worker,
                                      const struct transcribe_options *options,
                                      struct transcript **out, struct asr_error *err)
{
    return pipeline_decode(x->service->pipeline, worker, kept_posteriors(x->kept), options, out,
                           &x->times, err);
}

/* What the request says of phrases and weights, around `how`. */
static void answer_by(struct exchange *x, struct pipeline_worker *worker, recognize *how)
{
    const struct service *service = x->service;
    const struct transcription_request *request = upload_request(x->upload);
    struct transcription_answer answer = {.config =
                                              model_config(pipeline_model(service->pipeline))};
    struct transcribe_options options = {
        .n_best = request->n_alternatives > 0 ? request->n_alternatives : 1,
        .alpha = request->alpha,
        .beta = request->beta,
    };
    struct transcript *transcript = NULL;
    struct phrases *phrases = NULL;
    struct asr_error err;
    enum asr_status st = ASR_OK;

    if (request->phrases.n_phrases > 0)
        st = phrases_new(&phrases, answer.config, request->phrases.phrases,
                         request->phrases.n_phrases, &err);
    options.phrases = answer.phrases = phrases;
    if (st == ASR_OK)
        st = how(x, worker, &options, &transcript, &err);
    if (st == ASR_OK && request->keep) {
        const struct posteriors seen = pipeline_posteriors(worker);
        answer.kept_id = keep_put(service->keep, x->id.text, &seen) ? x->id.text : NULL;
        answer.kept_seconds = service->options->keep_seconds;
    }
    answer.transcript = transcript;
    if (st == ASR_OK)
        render(x, &answer);
    else
        answer_failure(x, &err);
    transcript_free(transcript);
    phrases_free(phrases);
}

static struct exchange *exchange_of(struct pool_job *job)
{
    return (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
}

/* On a worker thread, as the next. */
static void transcribe(struct pool_job *job, void *scratch)
{
    struct exchange *x = exchange_of(job);

    x->queue_ms = clock_ms() - x->submitted_ms;
    answer_by(x, scratch, recognize_recording);
    http_resume(x);
}

static void redecode(struct pool_job *job, void *scratch)
{
    struct exchange *x = exchange_of(job);
    struct keep *keep = x->service->keep;
    const char *id = upload_request(x->upload)->id;
    struct api_error e;

    x->queue_ms = clock_ms() - x->submitted_ms;
    x->kept = keep_borrow(keep, id);
    if (x->kept) {
        answer_by(x, scratch, recognize_kept);
        keep_release(keep, x->kept);
    } else {
        api_fail(&e, API_NOT_KEPT, "id",
                 "nothing is kept under the id '%s': its time is over, others needed the room, or "
                 "it was not transcribed with keep=true",
                 utf8_quote(id, strlen(id)).text);
        answer_error(&x->answer, &e);
    }
    http_resume(x);
}

/* All of the request is here: whether it can be served. */
static enum api_error_code check(struct exchange *x, struct api_error *e)
{
    const struct options *options = x->service->options;
    const struct model_config *config = model_config(pipeline_model(x->service->pipeline));
    const struct transcription_request *request = upload_request(x->upload);
    enum api_error_code code = upload_finish(x->upload, e);

    if (code == API_OK && request->redecode)
        code = transcription_request_finish_redecode(request, upload_has_file(x->upload), e);
    else if (code == API_OK)
        code = transcription_request_finish(request, upload_has_file(x->upload), config->name,
                                            options->model_alias, config->language, e);
    if (code == API_OK && request->keep && options->keep_bytes == 0)
        code = api_fail(e, API_UNSUPPORTED_PARAMETER, "keep",
                        "keep is not supported: this server keeps nothing (--keep-bytes 0). Leave "
                        "the field out.");
    if (code == API_OK && options->decoder == DECODER_GREEDY)
        code = transcription_request_check_greedy(request, e);
    return code;
}

static void end(struct exchange *x, void (*run)(struct pool_job *job, void *scratch))
{
    struct api_error e;

    if (check(x, &e) != API_OK) {
        answer_error(&x->answer, &e);
        return;
    }
    x->job.run = run;
    x->submitted_ms = clock_ms();
    http_suspend(x); /* first: the worker may be done before we are back */
    if (!pool_submit(x->service->pool, &x->job)) {
        api_fail(&e, API_OVERLOADED, NULL, "too many recordings are waiting");
        answer_error(&x->answer, &e);
        http_resume(x);
    }
}

void transcriptions_end(struct exchange *x)
{
    end(x, transcribe);
}

void redecode_end(struct exchange *x)
{
    end(x, redecode);
}
