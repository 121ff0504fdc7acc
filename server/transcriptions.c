#include "server/transcriptions.h"

#include <stdlib.h>
#include <string.h>

#include "proto/transcription_response.h"
#include "proto/utf8.h"
#include "server/audio_endpoint.h"
#include "server/call.h"
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

/* A request's phrases and weights, made ready. */
struct wishes {
    struct transcribe_options options;
    struct phrases *phrases; /* NULL: none */
};

static enum asr_status read_wishes(struct wishes *out, const struct transcription_request *request,
                                   const struct model_config *config, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    *out = (struct wishes){.options = {
                               .n_best = request->n_alternatives > 0 ? request->n_alternatives : 1,
                               .alpha = request->alpha,
                               .beta = request->beta,
                           }};
    if (request->phrases.n_phrases > 0)
        st = phrases_new(&out->phrases, config, request->phrases.phrases,
                         request->phrases.n_phrases, err);
    out->options.phrases = out->phrases;
    return st;
}

/* As the request wants it decoded. */
static void answer_from(struct exchange *x, const struct transcription_request *request,
                        const struct posteriors *heard)
{
    const struct service *service = x->service;
    struct transcription_answer answer = {.config =
                                              model_config(pipeline_model(service->pipeline))};
    struct transcript *transcript = NULL;
    struct wishes wishes;
    struct asr_error err;
    enum asr_status st = read_wishes(&wishes, request, answer.config, &err);

    if (st == ASR_OK)
        st = pipeline_decode(service->pipeline, &x->ticket, heard, &wishes.options, &transcript,
                             &x->times, &err);
    if (st == ASR_OK && request->keep) {
        answer.kept_id = keep_put(service->keep, x->id.text, heard) ? x->id.text : NULL;
        answer.kept_seconds = service->options->keep_seconds;
    }
    answer.phrases = wishes.phrases;
    answer.transcript = transcript;
    if (st == ASR_OK)
        render(x, request, &answer);
    else
        audio_endpoint_refuse(x, &err);
    transcript_free(transcript);
    phrases_free(wishes.phrases);
}

static void transcribe_call(struct exchange *x, const struct transcription_request *request,
                            const struct recording *recording)
{
    const struct pipeline *pipeline = x->service->pipeline;
    struct transcription_answer answer = {.config = model_config(pipeline_model(pipeline))};
    struct call call = {0};
    struct wishes wishes;
    struct asr_error err;
    enum asr_status st = read_wishes(&wishes, request, answer.config, &err);

    if (st == ASR_OK)
        st = call_transcribe(&call, pipeline, &x->ticket, recording, &wishes.options, &x->times,
                             &err);
    answer.phrases = wishes.phrases;
    answer.conversation = call.conversation;
    answer.dual_mono = call.dual_mono;
    if (st == ASR_OK)
        render(x, request, &answer);
    else
        audio_endpoint_refuse(x, &err);
    call_free(&call);
    phrases_free(wishes.phrases);
}

static void transcribe(struct exchange *x, const struct audio_request *request)
{
    const struct recording recording = audio_endpoint_recording(x);
    struct posteriors heard;
    struct asr_error err;

    if (request->separate) {
        transcribe_call(x, seen_as(request), &recording);
        return;
    }
    if (pipeline_listen(x->service->pipeline, &x->ticket, &recording, &heard, &x->times, &err) !=
        ASR_OK) {
        audio_endpoint_refuse(x, &err);
        return;
    }
    answer_from(x, seen_as(request), &heard);
    free(heard.log_posteriors);
}

static void redecode(struct exchange *x, const struct audio_request *request)
{
    struct keep *keep = x->service->keep;
    const char *id = seen_as(request)->id;
    struct kept *kept = keep_borrow(keep, id);
    struct api_error e;

    if (kept) {
        answer_from(x, seen_as(request), kept_posteriors(kept));
        keep_release(keep, kept);
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
