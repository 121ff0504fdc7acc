#include "server/transcriptions.h"

#include <stdlib.h>
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

/* As the request wants it decoded: its phrases and weights. */
static void answer_from(struct exchange *x, const struct transcription_request *request,
                        const struct posteriors *heard)
{
    const struct service *service = x->service;
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
        st = pipeline_decode(service->pipeline, &x->ticket, heard, &options, &transcript, &x->times,
                             &err);
    if (st == ASR_OK && request->keep) {
        answer.kept_id = keep_put(service->keep, x->id.text, heard) ? x->id.text : NULL;
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

static void transcribe(struct exchange *x, const struct audio_request *request)
{
    const struct recording recording = audio_endpoint_recording(x);
    struct posteriors heard;
    struct asr_error err;

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
