#include "server/alignments.h"

#include <stdlib.h>

#include "proto/alignment_request.h"
#include "proto/alignment_response.h"
#include "server/audio_endpoint.h"
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

struct aligning {
    struct work work; /* first */
    const struct model *model;
    const struct posteriors *heard;
    const struct labels *labels;
    struct alignment alignment;
    enum asr_status st;
    struct asr_error err;
};

static void align_on_worker(struct work *work, void *scratch)
{
    struct aligning *a = (struct aligning *)(void *)work;
    const struct model_config *config = model_config(a->model);
    const struct ctc_problem problem = {a->heard->log_posteriors, a->heard->frames,
                                        a->heard->tokens,         config->blank,
                                        a->labels->tokens,        a->labels->n};

    (void)scratch;
    a->st = align(&problem, (uint32_t)config->word_separator, model_frame_seconds(a->model),
                  a->heard->duration_seconds, MAX_TRELLIS_BYTES, &a->alignment, &a->err);
}

static void align_and_render(struct exchange *x, const char *text, const struct labels *labels,
                             const struct posteriors *heard)
{
    const struct pipeline *pipeline = x->service->pipeline;
    struct aligning a = {.work = {.run = align_on_worker},
                         .model = pipeline_model(pipeline),
                         .heard = heard,
                         .labels = labels};
    struct api_error e;

    if (pipeline_compute(pipeline, &x->ticket, &a.work, &x->times, &a.err) != ASR_OK) {
        audio_endpoint_refuse(x, &a.err);
        return;
    }
    if (a.st != ASR_OK) {
        refuse_alignment(&e, &a.err);
        answer_error(&x->answer, &e);
        return;
    }
    buffer_init(&x->answer.body, MAX_ANSWER_BYTES);
    enum asr_status st = alignment_render(&a.alignment, text, labels, &x->answer.body, &a.err);
    audio_endpoint_answer(x, "application/json", st, &a.err);
    alignment_free(&a.alignment);
}

/* The text first: what cannot be spelled need not be listened for. */
static void run(struct exchange *x, const struct audio_request *request)
{
    const struct pipeline *pipeline = x->service->pipeline;
    const char *text = ((const struct alignment_request *)(const void *)request)->text;
    const struct recording recording = audio_endpoint_recording(x);
    struct posteriors heard;
    struct labels labels;
    struct asr_error err;
    struct api_error e;

    if (labels_spell(pipeline_speller(pipeline), text, &labels, &err) != ASR_OK) {
        refuse_text(&e, &err);
        answer_error(&x->answer, &e);
        return;
    }
    if (pipeline_listen(pipeline, &x->ticket, &recording, &heard, &x->times, &err) == ASR_OK) {
        align_and_render(x, text, &labels, &heard);
        free(heard.log_posteriors);
    } else {
        audio_endpoint_refuse(x, &err);
    }
    labels_free(&labels);
}

const struct audio_endpoint alignments = {&alignment_requests, run};
