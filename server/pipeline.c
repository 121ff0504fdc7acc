#include "server/pipeline.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/clock.h"

/* What one recording may decode to, all channels: bounds the work that a small file can ask for. */
#define MAX_DECODED_BYTES (UINT64_C(8) << 30)
/* Below this, telephone audio is not speech any more; nothing real is slower. */
enum { MIN_RATE_HZ = 1000 };

struct pipeline {
    struct model *model;
    struct speller *speller;
    struct decode_limits limits;
    struct decode_options decode;
};

struct pipeline_worker {
    struct front_end_work *front_end;
    struct model_work *model;
    struct features features;
    struct posteriors posteriors; /* of the last run; the model work's own */
};

enum asr_status pipeline_new(struct pipeline **out, const struct options *options,
                             struct asr_error *err)
{
    enum asr_status st;
    struct pipeline *p = calloc(1, sizeof(*p));

    *out = NULL;
    if (!p)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for the pipeline");
    p->limits = (struct decode_limits){
        .max_seconds = options->max_duration_seconds,
        .min_rate_hz = MIN_RATE_HZ,
        .max_rate_hz = (unsigned)options->max_rate_hz,
        .max_channels = (unsigned)options->max_channels,
        .max_decoded_bytes = MAX_DECODED_BYTES,
    };
    p->decode.decoder = (enum decoder_kind)options->decoder;
    p->decode.beam_width = (size_t)options->beam;
    const struct model_options model = {(enum precision)options->precision, options->kernel};
    st = model_load(&p->model, options->model, &model, err);
    if (st == ASR_OK)
        st = speller_new(&p->speller, model_config(p->model), err);
    if (st != ASR_OK) {
        pipeline_free(p);
        return st;
    }
    *out = p;
    return ASR_OK;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    speller_free(p->speller);
    model_free(p->model);
    free(p);
}

const struct model *pipeline_model(const struct pipeline *p)
{
    return p->model;
}

const struct speller *pipeline_speller(const struct pipeline *p)
{
    return p->speller;
}

/* Noise, not silence: silent input would leave the recurrent layers' slow paths untouched. */
static enum asr_status warm(const struct pipeline *p, struct pipeline_worker *worker,
                            struct asr_error *err)
{
    unsigned model_hz = fbank_config(model_fbank(p->model))->sample_rate_hz;
    unsigned rate_hz = model_hz < p->limits.max_rate_hz ? model_hz : p->limits.max_rate_hz;
    int16_t *noise = malloc(rate_hz * sizeof(*noise));
    struct transcript *transcript = NULL;
    struct pipeline_times times;
    uint32_t seed = 1;

    if (!noise)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a warm-up recording");
    for (unsigned i = 0; i < rate_hz; i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (int16_t)((int)(seed >> 22) - 512);
    }
    struct recording recording = {.bytes = noise,
                                  .n_bytes = rate_hz * sizeof(*noise),
                                  .raw = {RAW_PCM_S16LE, rate_hz, 1},
                                  .channel = CHANNEL_MIX};
    enum asr_status st =
        pipeline_run(p, worker, &recording, &transcribe_defaults, &transcript, &times, err);
    transcript_free(transcript);
    free(noise);
    return st;
}

enum asr_status pipeline_worker_new(struct pipeline_worker **out, const struct pipeline *p,
                                    struct asr_error *err)
{
    enum asr_status st;
    struct pipeline_worker *worker = calloc(1, sizeof(*worker));

    *out = NULL;
    if (!worker)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a worker");
    st = front_end_work_new(&worker->front_end, model_fbank(p->model), p->limits.max_channels, err);
    if (st == ASR_OK)
        st = model_work_new(&worker->model, p->model, &p->decode, err);
    if (st == ASR_OK)
        st = warm(p, worker, err);
    if (st != ASR_OK) {
        pipeline_worker_free(worker);
        return st;
    }
    *out = worker;
    return ASR_OK;
}

void pipeline_worker_free(struct pipeline_worker *worker)
{
    if (!worker)
        return;
    features_free(&worker->features);
    model_work_free(worker->model);
    front_end_work_free(worker->front_end);
    free(worker);
}

static enum asr_status make_scratch(void **out, void *ctx, struct asr_error *err)
{
    struct pipeline_worker *worker;
    enum asr_status st = pipeline_worker_new(&worker, ctx, err);

    *out = worker;
    return st;
}

static void release_scratch(void *scratch)
{
    pipeline_worker_free(scratch);
}

struct pool_scratch pipeline_scratch(struct pipeline *p)
{
    return (struct pool_scratch){make_scratch, release_scratch, p};
}

enum asr_status pipeline_listen(const struct pipeline *p, struct pipeline_worker *worker,
                                const struct recording *recording, struct pipeline_times *times,
                                struct asr_error *err)
{
    bool headerless = recording->raw.encoding != RAW_NONE;
    struct posteriors *seen = &worker->posteriors;
    double started = clock_ms();

    *times = (struct pipeline_times){0};
    enum asr_status st =
        front_end_extract(model_fbank(p->model), worker->front_end, recording->bytes,
                          recording->n_bytes, headerless ? &recording->raw : NULL,
                          recording->channel, &p->limits, &worker->features, err);
    double extracted = clock_ms();
    times->features_ms = extracted - started;
    if (st != ASR_OK)
        return st;
    times->audio_seconds = worker->features.duration_seconds;
    st = model_posteriors(p->model, worker->model, &worker->features, &seen->log_posteriors,
                          &seen->frames, err);
    seen->tokens = model_config(p->model)->n_tokens;
    seen->duration_seconds = worker->features.duration_seconds;
    times->recognize_ms = clock_ms() - extracted;
    return st;
}

struct posteriors pipeline_posteriors(const struct pipeline_worker *worker)
{
    return worker->posteriors;
}

enum asr_status pipeline_decode(const struct pipeline *p, struct pipeline_worker *worker,
                                const struct posteriors *posteriors,
                                const struct transcribe_options *options, struct transcript **out,
                                struct pipeline_times *times, struct asr_error *err)
{
    double started = clock_ms();

    *times = (struct pipeline_times){.audio_seconds = posteriors->duration_seconds};
    enum asr_status st =
        model_decode(p->model, worker->model, posteriors->log_posteriors, posteriors->frames,
                     posteriors->duration_seconds, options, out, err);
    times->recognize_ms = clock_ms() - started;
    return st;
}

enum asr_status pipeline_run(const struct pipeline *p, struct pipeline_worker *worker,
                             const struct recording *recording,
                             const struct transcribe_options *options, struct transcript **out,
                             struct pipeline_times *times, struct asr_error *err)
{
    struct pipeline_times decoding = {0};
    enum asr_status st = pipeline_listen(p, worker, recording, times, err);

    *out = NULL;
    if (st == ASR_OK)
        st = pipeline_decode(p, worker, &worker->posteriors, options, out, &decoding, err);
    times->recognize_ms += decoding.recognize_ms;
    return st;
}
