#include "server/pipeline.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/worker.h"

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
    struct hearing_config hearing;
    struct decode_options decode;
    struct sched *sched;
};

/* ---- on the threads that compute --------------------------------------------------------------
 */

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

static enum asr_status make_worker(void **out, void *ctx, struct asr_error *err)
{
    const struct pipeline *p = ctx;
    const struct worker_config config = {p->model, p->decode, p->hearing.limits.max_channels};
    struct worker *worker;
    enum asr_status st = worker_new(&worker, &config, err);

    *out = worker;
    return st;
}

static void release_worker(void *scratch)
{
    worker_free(scratch);
}

static void run_batch(void *ctx, void *scratch, struct work *const *works, size_t count)
{
    const struct pipeline *p = ctx;

    hearing_run_batch(p->model, scratch, works, count);
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
        .run_batch = run_batch,
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
    p->hearing.limits = (struct decode_limits){
        .max_seconds = options->max_duration_seconds,
        .min_rate_hz = MIN_RATE_HZ,
        .max_rate_hz = (unsigned)options->max_rate_hz,
        .max_channels = (unsigned)options->max_channels,
        .max_decoded_bytes = MAX_DECODED_BYTES,
    };
    p->hearing.piece_seconds = options->piece_seconds;
    p->decode.decoder = (enum decoder_kind)options->decoder;
    p->decode.beam_width = (size_t)options->beam;
    p->decode.max_batch = (size_t)options->batch_size;
    const struct model_options model = {(enum precision)options->precision, options->kernel};
    st = model_load(&p->model, options->model, &model, err);
    if (st == ASR_OK)
        st = speller_new(&p->speller, model_config(p->model), err);
    p->hearing.model = p->model;
    if (st == ASR_OK)
        st = start_threads(p, options, err);
    p->hearing.sched = p->sched;
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

enum asr_status pipeline_listen(const struct pipeline *p, const struct ticket *ticket,
                                const struct recording *recording, struct posteriors *out,
                                struct pipeline_times *times, struct asr_error *err)
{
    struct posteriors *heard;
    size_t n_lanes;
    enum asr_status st = hearing_run(&p->hearing, ticket, recording, &heard, &n_lanes, times, err);

    *out = st == ASR_OK ? heard[0] : (struct posteriors){0};
    if (st == ASR_OK)
        free(heard);
    return st;
}

enum asr_status pipeline_listen_each(const struct pipeline *p, const struct ticket *ticket,
                                     const struct recording *recording, struct posteriors **out,
                                     size_t *n_channels, struct pipeline_times *times,
                                     struct asr_error *err)
{
    struct recording each = *recording;

    each.channel = CHANNEL_EACH;
    return hearing_run(&p->hearing, ticket, &each, out, n_channels, times, err);
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
