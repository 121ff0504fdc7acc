#include "server/searches.h"

#include "model/phrase_search.h"
#include "proto/search_response.h"
#include "server/audio_endpoint.h"
#include "server/clock.h"
#include "server/service.h"

/* Frames x states, and hits, of one request: 1,000 phrases of 24 letters in 30 minutes. */
#define MAX_STEPS UINT64_C(3000000000)
enum { MAX_HITS = 100000 };

static enum asr_status search(struct exchange *x, const struct search_request *request,
                              const struct posteriors *heard, struct phrase_hits *hits,
                              struct asr_error *err)
{
    const struct model *model = pipeline_model(x->service->pipeline);
    const struct model_config *config = model_config(model);
    const struct phrase_search search = {
        .speller = pipeline_speller(x->service->pipeline),
        .recording = {.log_posteriors = heard->log_posteriors,
                      .frames = heard->frames,
                      .n_tokens = heard->tokens,
                      .blank = config->blank},
        .separator = (uint32_t)config->word_separator,
        .frame_seconds = model_frame_seconds(model),
        .duration_seconds = heard->duration_seconds,
        .min_score = request->min_score,
        .max_steps = MAX_STEPS,
        .max_hits = MAX_HITS,
    };
    double started = clock_ms();
    enum asr_status st =
        search_phrases(&search, request->phrases.phrases, request->phrases.n_phrases, hits, err);

    x->times.recognize_ms += clock_ms() - started;
    return st;
}

static void run(struct exchange *x, const struct audio_request *audio,
                struct pipeline_worker *worker)
{
    const struct search_request *request = (const struct search_request *)(const void *)audio;
    struct recording recording = audio_endpoint_recording(x);
    struct phrase_hits hits;
    struct asr_error err;
    struct api_error e;

    if (pipeline_listen(x->service->pipeline, worker, &recording, &x->times, &err) != ASR_OK) {
        audio_endpoint_refuse(x, &err);
        return;
    }
    const struct posteriors heard = pipeline_posteriors(worker);
    if (search(x, request, &heard, &hits, &err) != ASR_OK) {
        api_fail(&e, err.status == ASR_ERR_LIMIT ? API_WORK_OVER_LIMIT : API_OVERLOADED,
                 err.status == ASR_ERR_LIMIT ? "phrases[]" : NULL, "%s", err.text);
        answer_error(&x->answer, &e);
        return;
    }
    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    enum asr_status st =
        search_render(&hits, request, heard.duration_seconds, &x->answer.body, &err);
    audio_endpoint_answer(x, "application/json", st, &err);
    phrase_hits_free(&hits);
}

const struct audio_endpoint searches = {&search_requests, run};
