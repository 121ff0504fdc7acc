#include "server/searches.h"

#include <stdlib.h>

#include "model/phrase_search.h"
#include "proto/search_response.h"
#include "server/audio_endpoint.h"
#include "server/service.h"

/* Frames x states, and hits, of one request: 1,000 phrases of 24 letters in 30 minutes. */
#define MAX_STEPS UINT64_C(3000000000)
enum { MAX_HITS = 100000 };

struct searching {
    struct work work; /* first */
    const struct pipeline *pipeline;
    const struct search_request *request;
    const struct posteriors *heard;
    struct phrase_hits hits;
    enum asr_status st;
    struct asr_error err;
};

static void search(struct work *work, void *scratch)
{
    struct searching *s = (struct searching *)(void *)work;
    const struct model *model = pipeline_model(s->pipeline);
    const struct model_config *config = model_config(model);
    const struct posteriors *heard = s->heard;
    const struct phrase_search search = {
        .speller = pipeline_speller(s->pipeline),
        .recording = {.log_posteriors = heard->log_posteriors,
                      .frames = heard->frames,
                      .n_tokens = heard->tokens,
                      .blank = config->blank},
        .separator = (uint32_t)config->word_separator,
        .frame_seconds = model_frame_seconds(model),
        .duration_seconds = heard->duration_seconds,
        .min_score = s->request->min_score,
        .max_steps = MAX_STEPS,
        .max_hits = MAX_HITS,
    };

    (void)scratch;
    s->st = search_phrases(&search, s->request->phrases.phrases, s->request->phrases.n_phrases,
                           &s->hits, &s->err);
}

static void search_and_render(struct exchange *x, const struct search_request *request,
                              const struct posteriors *heard)
{
    const struct pipeline *pipeline = x->service->pipeline;
    struct searching s = {
        .work = {.run = search}, .pipeline = pipeline, .request = request, .heard = heard};
    struct api_error e;

    if (pipeline_compute(pipeline, &x->ticket, &s.work, &x->times, &s.err) != ASR_OK) {
        audio_endpoint_refuse(x, &s.err);
        return;
    }
    if (s.st != ASR_OK) {
        api_fail(&e, s.st == ASR_ERR_LIMIT ? API_WORK_OVER_LIMIT : API_OVERLOADED,
                 s.st == ASR_ERR_LIMIT ? "phrases[]" : NULL, "%s", s.err.text);
        answer_error(&x->answer, &e);
        return;
    }
    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    enum asr_status st =
        search_render(&s.hits, request, heard->duration_seconds, &x->answer.body, &s.err);
    audio_endpoint_answer(x, "application/json", st, &s.err);
    phrase_hits_free(&s.hits);
}

static void run(struct exchange *x, const struct audio_request *audio)
{
    const struct recording recording = audio_endpoint_recording(x);
    struct posteriors heard;
    struct asr_error err;

    if (pipeline_listen(x->service->pipeline, &x->ticket, &recording, &heard, &x->times, &err) !=
        ASR_OK) {
        audio_endpoint_refuse(x, &err);
        return;
    }
    search_and_render(x, (const struct search_request *)(const void *)audio, &heard);
    free(heard.log_posteriors);
}

const struct audio_endpoint searches = {&search_requests, run};
