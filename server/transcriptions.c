#include "server/transcriptions.h"

#include <string.h>

#include "proto/transcription_response.h"
#include "proto/utf8.h"
#include "server/audio_endpoint.h"
#include "server/service.h"

static const struct transcription_request *seen_as(const struct audio_request *request)
{
    return (const struct transcription_request *)(const void *)request;
}

static void render(struct exchange *x, const struct transcription_request *request,
                   const struct transcription_answer *answer)
{
    struct asr_error err;

    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    enum asr_status st = transcription_render(answer, request, &x->answer.body, &err);
    audio_endpoint_answer(x, transcription_content_type(request->format), st, &err);
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
    const struct recording recording = audio_endpoint_recording(x);

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
static void answer_by(struct exchange *x, const struct audio_request *audio,
                      struct pipeline_worker *worker, recognize *how)
{
    const struct service *service = x->service;
    const struct transcription_request *request = seen_as(audio);
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
        render(x, request, &answer);
    else
        audio_endpoint_refuse(x, &err);
    transcript_free(transcript);
    phrases_free(phrases);
}

static void transcribe(struct exchange *x, const struct audio_request *request,
                       struct pipeline_worker *worker)
{
    answer_by(x, request, worker, recognize_recording);
}

static void redecode(struct exchange *x, const struct audio_request *request,
                     struct pipeline_worker *worker)
{
    struct keep *keep = x->service->keep;
    const char *id = seen_as(request)->id;
    struct api_error e;

    x->kept = keep_borrow(keep, id);
    if (x->kept) {
        answer_by(x, request, worker, recognize_kept);
        keep_release(keep, x->kept);
        return;
    }
    api_fail(&e, API_NOT_KEPT, "id",
             "nothing is kept under the id '%s': its time is over, others needed the room, or "
             "it was not transcribed with keep=true",
             utf8_quote(id, strlen(id)).text);
    answer_error(&x->answer, &e);
}

const struct audio_endpoint transcriptions = {&transcription_requests, transcribe};
const struct audio_endpoint redecodes = {&redecode_requests, redecode};
