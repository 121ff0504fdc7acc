#include "server/alignments.h"

#include "proto/alignment_request.h"
#include "proto/alignment_response.h"
#include "server/audio_endpoint.h"
#include "server/clock.h"
#include "server/service.h"

/* Of the alignment's trellis: 27,000 characters in 20 minutes of recording. With it, frames x
 * characters and so the time are bounded. */
#define MAX_TRELLIS_BYTES ((size_t)512 << 20)

static enum api_error_code refuse_text(struct api_error *e, const struct asr_error *err)
{
    switch (err->status) {
    case ASR_ERR_UNSUPPORTED:
        return api_fail(e, API_UNKNOWN_CHARACTERS, "text", "text cannot be spelled: %s", err->text);
    case ASR_ERR_INVALID:
        return api_fail(e, API_INVALID_VALUE, "text", "%s", err->text);
    default:
        return api_fail(e, API_OVERLOADED, NULL, "%s", err->text);
    }
}

static enum api_error_code refuse_alignment(struct api_error *e, const struct asr_error *err)
{
    switch (err->status) {
    case ASR_ERR_INVALID:
        return api_fail(e, API_TEXT_DOES_NOT_FIT, "text", "text does not fit the recording: %s",
                        err->text);
    case ASR_ERR_LIMIT:
        return api_fail(e, API_WORK_OVER_LIMIT, "text", "%s", err->text);
    default:
        return api_fail(e, API_OVERLOADED, NULL, "%s", err->text);
    }
}

static void align_and_render(struct exchange *x, const char *text, const struct labels *labels,
                             const struct posteriors *heard)
{
    const struct model *model = pipeline_model(x->service->pipeline);
    const struct model_config *config = model_config(model);
    const struct ctc_problem problem = {heard->log_posteriors, heard->frames,  heard->tokens,
                                        config->blank,         labels->tokens, labels->n};
    struct alignment alignment;
    struct asr_error err;
    struct api_error e;
    double started = clock_ms();

    enum asr_status st =
        align(&problem, (uint32_t)config->word_separator, model_frame_seconds(model),
              heard->duration_seconds, MAX_TRELLIS_BYTES, &alignment, &err);
    x->times.recognize_ms += clock_ms() - started;
    if (st != ASR_OK) {
        refuse_alignment(&e, &err);
        answer_error(&x->answer, &e);
        return;
    }
    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    st = alignment_render(&alignment, text, labels, &x->answer.body, &err);
    audio_endpoint_answer(x, "application/json", st, &err);
    alignment_free(&alignment);
}

/* The text first: what cannot be spelled need not be listened for. */
static void run(struct exchange *x, const struct audio_request *request,
                struct pipeline_worker *worker)
{
    const struct pipeline *pipeline = x->service->pipeline;
    const char *text = ((const struct alignment_request *)(const void *)request)->text;
    struct recording recording = audio_endpoint_recording(x);
    struct labels labels;
    struct asr_error err;
    struct api_error e;

    if (labels_spell(pipeline_speller(pipeline), text, &labels, &err) != ASR_OK) {
        refuse_text(&e, &err);
        answer_error(&x->answer, &e);
        return;
    }
    if (pipeline_listen(pipeline, worker, &recording, &x->times, &err) == ASR_OK) {
        const struct posteriors heard = pipeline_posteriors(worker);
        align_and_render(x, text, &labels, &heard);
    } else {
        audio_endpoint_refuse(x, &err);
    }
    labels_free(&labels);
}

const struct audio_endpoint alignments = {&alignment_requests, run};
