#include "server/pipeline.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* What one recording may decode to, all channels: bounds the work that a small file can ask for. */
#define MAX_DECODED_BYTES (UINT64_C(8) << 30)
/* Below this, telephone audio is not speech any more; nothing real is slower. */
enum { MIN_RATE_HZ = 1000 };

/* Of a batch: the network's scratch takes some 14 MB a minute, on every thread. */
enum { MAX_BATCH_FRAMES = 12000 };
/* In a batch, nobody waits for one that is longer than this times its own length. */
#define MAX_BATCH_RATIO 8.0
/* After this, bulk work counts as live. */
#define BULK_DELAY_MS 5000.0

struct pipeline {
    struct model *model;
    struct speller *speller;
    struct decode_limits limits;
    struct decode_options decode;
    struct sched *sched;
};

/* The scratch of a thread that computes. */
struct worker {
    struct front_end_work *front_end;
    struct model_work *model;
};

/* ---- on the threads that compute --------------------------------------------------------------
 */

struct extraction {
    struct work work; /* first, as in those below */
    const struct pipeline *pipeline;
    const struct recording *recording;
    struct features features;
    enum asr_status st;
    struct asr_error *err;
};

static void extract(struct work *work, void *scratch)
{
    struct extraction *e = (struct extraction *)(void *)work;
    const struct pipeline *p = e->pipeline;
    const struct worker *worker = scratch;
    const struct recording *recording = e->recording;
    bool headerless = recording->raw.encoding != RAW_NONE;

    e->st = front_end_extract(model_fbank(p->model), worker->front_end, recording->bytes,
                              recording->n_bytes, headerless ? &recording->raw : NULL,
                              recording->channel, &p->limits, &e->features, e->err);
}

struct hearing {
    struct work work;
    struct utterance utterance;
    enum asr_status st;
    struct asr_error err;
};

static void hear(void *ctx, void *scratch, struct work *const *works, size_t count)
{
    const struct pipeline *p = ctx;
    const struct worker *worker = scratch;
    struct utterance utterances[BATCH_MAX] = {{0}};
    struct asr_error err = {ASR_OK, ""};

    for (size_t i = 0; i < count; i++)
        utterances[i] = ((const struct hearing *)(const void *)works[i])->utterance;
    enum asr_status st = model_posteriors_batch(p->model, worker->model, utterances, count, &err);
    for (size_t i = 0; i < count; i++) {
        struct hearing *h = (struct hearing *)(void *)works[i];
        h->st = st;
        h->err = err;
    }
}

struct decoding {
    struct work work;
    const struct pipeline *pipeline;
    const struct posteriors *posteriors;
    const struct transcribe_options *options;
    struct transcript **out;
    enum asr_status st;
    struct asr_error *err;
};

static void decode(struct work *work, void *scratch)
{
    struct decoding *d = (struct decoding *)(void *)work;
    const struct posteriors *posteriors = d->posteriors;
    const struct worker *worker = scratch;

    d->st =
        model_decode(d->pipeline->model, worker->model, posteriors->log_posteriors,
                     posteriors->frames, posteriors->duration_seconds, d->options, d->out, d->err);
}

/* ---- their scratch ----------------------------------------------------------------------------
 */

static void release_worker(void *scratch)
{
    struct worker *worker = scratch;

    model_work_free(worker->model);
    front_end_work_free(worker->front_end);
    free(worker);
}

/* Noise, not silence: silent input would leave the recurrent layers' slow paths untouched. */
static enum asr_status warm(const struct pipeline *p, struct worker *worker, struct asr_error *err)
{
    unsigned model_hz = fbank_config(model_fbank(p->model))->sample_rate_hz;
    unsigned rate_hz = model_hz < p->limits.max_rate_hz ? model_hz : p->limits.max_rate_hz;
    const struct raw_format raw = {RAW_PCM_S16LE, rate_hz, 1};
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
    enum asr_status st =
        front_end_extract(model_fbank(p->model), worker->front_end, noise, rate_hz * sizeof(*noise),
                          &raw, CHANNEL_MIX, &p->limits, &features, err);
    if (st == ASR_OK)
        st = model_transcribe(p->model, worker->model, &features, &transcribe_defaults, &transcript,
                              err);
    transcript_free(transcript);
    features_free(&features);
    free(noise);
    return st;
}

static enum asr_status make_worker(void **out, void *ctx, struct asr_error *err)
{
    const struct pipeline *p = ctx;
    enum asr_status st;
    struct worker *worker = calloc(1, sizeof(*worker));

    *out = NULL;
    if (!worker)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a worker");
    st = front_end_work_new(&worker->front_end, model_fbank(p->model), p->limits.max_channels, err);
    if (st == ASR_OK)
        st = model_work_new(&worker->model, p->model, &p->decode, err);
    if (st == ASR_OK)
        st = warm(p, worker, err);
    if (st != ASR_OK) {
        release_worker(worker);
        return st;
    }
    *out = worker;
    return ASR_OK;
}

/* ---- the pipeline -----------------------------------------------------------------------------
 */

static enum asr_status start_threads(struct pipeline *p, const struct options *options,
                                     struct asr_error *err)
{
    const struct sched_config config = {
        .threads = (size_t)options->threads,
        .policy = {.max_count = (size_t)options->batch_size,
                   .max_frames = MAX_BATCH_FRAMES,
                   .max_ratio = MAX_BATCH_RATIO,
                   .wait_ms = (double)options->batch_wait_ms,
                   .bulk_delay_ms = BULK_DELAY_MS},
        .make = make_worker,
        .release = release_worker,
        .run_batch = hear,
        .ctx = p,
    };

    return sched_new(&p->sched, &config, err);
}

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
    p->decode.max_batch = (size_t)options->batch_size;
    const struct model_options model = {(enum precision)options->precision, options->kernel};
    st = model_load(&p->model, options->model, &model, err);
    if (st == ASR_OK)
        st = speller_new(&p->speller, model_config(p->model), err);
    if (st == ASR_OK)
        st = start_threads(p, options, err);
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
    sched_free(p->sched);
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

/* ---- on the requests' threads -----------------------------------------------------------------
 */

static enum asr_status extract_features(const struct pipeline *p, const struct ticket *ticket,
                                        const struct recording *recording, struct features *out,
                                        struct pipeline_times *times, struct asr_error *err)
{
    struct extraction e = {.work = {{.ticket = ticket}, .kind = WORK_BEGIN, .run = extract},
                           .pipeline = p,
                           .recording = recording,
                           .err = err};
    enum asr_status st = sched_run(p->sched, &e.work, err);

    times->queue_ms += e.work.waited_ms;
    times->features_ms += e.work.computed_ms;
    *out = e.features;
    return st == ASR_OK ? e.st : st;
}

/* features -> out->log_posteriors. */
static enum asr_status run_network(const struct pipeline *p, const struct ticket *ticket,
                                   const struct features *features, struct posteriors *out,
                                   struct pipeline_times *times, struct asr_error *err)
{
    struct hearing h = {
        .work = {{.ticket = ticket, .frames = features->frames}, .kind = WORK_BATCHED},
        .utterance = {features->values, features->frames, out->log_posteriors},
    };
    enum asr_status st = sched_run(p->sched, &h.work, err);

    times->queue_ms += h.work.waited_ms;
    times->recognize_ms += h.work.computed_ms;
    times->batch = h.work.batch > times->batch ? h.work.batch : times->batch;
    if (st == ASR_OK && h.st != ASR_OK)
        st = asr_fail(err, h.st, "%s", h.err.text);
    return st;
}

static enum asr_status allocate(struct posteriors *out, const struct model *model,
                                const struct features *features, struct asr_error *err)
{
    *out = (struct posteriors){
        .frames = model_posterior_frames(model, features->frames),
        .tokens = model_config(model)->n_tokens,
        .duration_seconds = features->duration_seconds,
    };
    out->log_posteriors = calloc(out->frames * out->tokens + 1, sizeof(*out->log_posteriors));
    return out->log_posteriors
               ? ASR_OK
               : asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu frames", out->frames);
}

enum asr_status pipeline_listen(const struct pipeline *p, const struct ticket *ticket,
                                const struct recording *recording, struct posteriors *out,
                                struct pipeline_times *times, struct asr_error *err)
{
    struct features features = {0};
    enum asr_status st = extract_features(p, ticket, recording, &features, times, err);

    *out = (struct posteriors){0};
    if (st == ASR_OK)
        times->audio_seconds = features.duration_seconds;
    if (st == ASR_OK)
        st = allocate(out, p->model, &features, err);
    if (st == ASR_OK && features.frames > 0)
        st = run_network(p, ticket, &features, out, times, err);
    features_free(&features);
    if (st != ASR_OK) {
        free(out->log_posteriors);
        out->log_posteriors = NULL;
    }
    return st;
}

enum asr_status pipeline_compute(const struct pipeline *p, const struct ticket *ticket,
                                 struct work *work, struct pipeline_times *times,
                                 struct asr_error *err)
{
    work->waiting.ticket = ticket;
    work->kind = WORK_FINISH;
    enum asr_status st = sched_run(p->sched, work, err);
    times->queue_ms += work->waited_ms;
    times->recognize_ms += work->computed_ms;
    return st;
}

enum asr_status pipeline_decode(const struct pipeline *p, const struct ticket *ticket,
                                const struct posteriors *posteriors,
                                const struct transcribe_options *options, struct transcript **out,
                                struct pipeline_times *times, struct asr_error *err)
{
    struct decoding d = {.work = {.run = decode},
                         .pipeline = p,
                         .posteriors = posteriors,
                         .options = options,
                         .out = out,
                         .err = err};

    *out = NULL;
    times->audio_seconds = posteriors->duration_seconds;
    enum asr_status st = pipeline_compute(p, ticket, &d.work, times, err);
    return st == ASR_OK ? d.st : st;
}

enum asr_status pipeline_run(const struct pipeline *p, const struct ticket *ticket,
                             const struct recording *recording,
                             const struct transcribe_options *options, struct transcript **out,
                             struct pipeline_times *times, struct asr_error *err)
{
    struct posteriors heard;
    enum asr_status st = pipeline_listen(p, ticket, recording, &heard, times, err);

    *out = NULL;
    if (st == ASR_OK)
        st = pipeline_decode(p, ticket, &heard, options, out, times, err);
    free(heard.log_posteriors);
    return st;
}

void pipeline_cancel(const struct pipeline *p, struct ticket *ticket)
{
    sched_cancel(p->sched, ticket);
}
