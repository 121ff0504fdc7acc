#include "server/worker.h"

#include <stdint.h>
#include <stdlib.h>

/* Noise, not silence: silent input would leave the recurrent layers' slow paths untouched. All of
 * it, past voice activity detection, for it is no speech. */
static enum asr_status warm(struct worker *worker, const struct worker_config *config,
                            struct asr_error *err)
{
    const struct fbank *fb = model_fbank(config->model);
    const unsigned rate_hz = fbank_config(fb)->sample_rate_hz;
    const struct raw_format raw = {RAW_PCM_S16LE, rate_hz, 1};
    const struct decode_limits limits = {.max_seconds = 2,
                                         .max_rate_hz = rate_hz,
                                         .max_channels = 1,
                                         .max_decoded_bytes = UINT64_MAX};
    int16_t *noise = malloc(rate_hz * sizeof(*noise));
    struct features features = {0};
    struct transcript *transcript = NULL;
    uint32_t seed = 1;

    if (!noise)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a warm-up recording");
    for (unsigned i = 0; i < rate_hz; i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (int16_t)((int)(seed >> 22) - 512);
    }
    enum asr_status st = front_end_extract(fb, worker->front_end, noise, rate_hz * sizeof(*noise),
                                           &raw, CHANNEL_MIX, &limits, &features, err);
    if (st == ASR_OK)
        st = model_transcribe(config->model, worker->model, &features, &transcribe_defaults,
                              &transcript, err);
    transcript_free(transcript);
    features_free(&features);
    free(noise);
    return st;
}

enum asr_status worker_new(struct worker **out, const struct worker_config *config,
                           struct asr_error *err)
{
    enum asr_status st;
    struct worker *worker = calloc(1, sizeof(*worker));

    *out = NULL;
    if (!worker)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a worker");
    st = front_end_work_new(&worker->front_end, model_fbank(config->model), config->max_channels,
                            err);
    if (st == ASR_OK)
        st = model_work_new(&worker->model, config->model, &config->decode, err);
    if (st == ASR_OK)
        st = warm(worker, config, err);
    if (st != ASR_OK) {
        worker_free(worker);
        return st;
    }
    *out = worker;
    return ASR_OK;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    model_work_free(worker->model);
    front_end_work_free(worker->front_end);
    free(worker);
}
