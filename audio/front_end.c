#include "audio/front_end.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/mix.h"
#include "audio/resample.h"

enum {
    BLOCK_SAMPLES = 16 << 10, /* all channels of a block together: stays in the second cache */
    /* More than a byte of Opus at 16 kbit/s gives. A reservation past this believes the header;
     * digital silence in FLAC does hold more, and grows as it is decoded. */
    PLAUSIBLE_SAMPLES_PER_BYTE = 32,
};

struct front_end_work {
    struct fbank_work *fbank;
    struct fbank_state *stream;
    unsigned max_channels;
    size_t block_capacity;     /* samples */
    float *block;              /* interleaved, then one channel of it in place */
    size_t resampled_capacity; /* samples */
    float *resampled;
};

/* One recording on its way: what the stages below share. */
struct extraction {
    const struct fbank *fb;
    struct front_end_work *work;
    struct decoder *decoder;
    struct resampler *resampler;
    struct features *out;
};

void features_free(struct features *features)
{
    free(features->values);
    *features = (struct features){0};
}

enum asr_status front_end_work_new(struct front_end_work **out, const struct fbank *fb,
                                   unsigned max_channels, struct asr_error *err)
{
    enum asr_status st;
    struct front_end_work *work = calloc(1, sizeof(*work));

    *out = NULL;
    if (!work)
        return asr_fail(err, ASR_ERR_NOMEM, "front end: out of memory");
    work->max_channels = max_channels;
    work->block_capacity = max_channels > BLOCK_SAMPLES ? max_channels : BLOCK_SAMPLES;
    work->block = malloc(work->block_capacity * sizeof(*work->block));
    if (!work->block) {
        st = asr_fail(err, ASR_ERR_NOMEM, "front end: out of memory");
        goto fail;
    }
    st = fbank_work_new(&work->fbank, fb, err);
    if (st != ASR_OK)
        goto fail;
    st = fbank_state_new(&work->stream, fb, err);
    if (st != ASR_OK)
        goto fail;
    *out = work;
    return ASR_OK;

fail:
    front_end_work_free(work);
    return st;
}

void front_end_work_free(struct front_end_work *work)
{
    if (!work)
        return;
    fbank_state_free(work->stream);
    fbank_work_free(work->fbank);
    free(work->resampled);
    free(work->block);
    free(work);
}

/* Room for `frames` in all. Growth is geometric, so a recording costs a few copies at most. */
static enum asr_status reserve_features(struct features *f, size_t frames, struct asr_error *err)
{
    size_t capacity = f->capacity_frames + f->capacity_frames / 2;

    if (frames <= f->capacity_frames)
        return ASR_OK;
    if (capacity < frames)
        capacity = frames;
    if (capacity > SIZE_MAX / sizeof(*f->values) / f->bins)
        return asr_fail(err, ASR_ERR_NOMEM, "features: %zu frames cannot be addressed", capacity);
    float *values = realloc(f->values, capacity * f->bins * sizeof(*values));
    if (!values)
        return asr_fail(err, ASR_ERR_NOMEM, "features: no memory for %zu frames", capacity);
    f->values = values;
    f->capacity_frames = capacity;
    return ASR_OK;
}

/* One allocation for an honest recording; a lying header gets no more than its bytes could hold. */
static enum asr_status reserve_declared(const struct extraction *x, size_t n_bytes,
                                        struct asr_error *err)
{
    const struct audio_info *info = decoder_info(x->decoder);
    double plausible = (double)n_bytes * PLAUSIBLE_SAMPLES_PER_BYTE / info->channels;
    double samples = (double)info->declared_frames;
    double rate_hz = fbank_config(x->fb)->sample_rate_hz;

    samples = (samples < plausible ? samples : plausible) * rate_hz / info->rate_hz;
    if (samples >= (double)(SIZE_MAX / 2))
        return ASR_OK;
    return reserve_features(x->out, fbank_frames(x->fb, (size_t)samples + 1), err);
}

static enum asr_status push_features(const struct extraction *x, const float *samples, size_t n,
                                     struct asr_error *err)
{
    struct features *f = x->out;
    size_t ready = fbank_frames_ready(x->fb, x->work->stream, n);
    enum asr_status st = reserve_features(f, f->frames + ready, err);
    if (st != ASR_OK)
        return st;
    f->frames += fbank_push(x->fb, x->work->fbank, x->work->stream, samples, n,
                            f->values + f->frames * f->bins);
    return ASR_OK;
}

static enum asr_status reserve_resampled(struct front_end_work *work, size_t samples,
                                         struct asr_error *err)
{
    if (samples <= work->resampled_capacity)
        return ASR_OK;
    float *resampled = realloc(work->resampled, samples * sizeof(*resampled));
    if (!resampled)
        return asr_fail(err, ASR_ERR_NOMEM, "resampling: no memory for %zu samples", samples);
    work->resampled = resampled;
    work->resampled_capacity = samples;
    return ASR_OK;
}

/* mono[n] at the recording's rate -> features. NULL flushes the resampler. */
static enum asr_status push_mono(const struct extraction *x, const float *mono, size_t n,
                                 struct asr_error *err)
{
    struct front_end_work *work = x->work;
    size_t produced;
    enum asr_status st = reserve_resampled(work, resampler_max_output(x->resampler, n), err);

    if (st == ASR_OK && mono)
        st = resampler_push(x->resampler, mono, n, work->resampled, &produced, err);
    else if (st == ASR_OK)
        st = resampler_flush(x->resampler, work->resampled, &produced, err);
    return st == ASR_OK ? push_features(x, work->resampled, produced, err) : st;
}

static enum asr_status run(const struct extraction *x, int channel, struct asr_error *err)
{
    const struct audio_info *info = decoder_info(x->decoder);
    struct front_end_work *work = x->work;
    size_t block_frames = work->block_capacity / info->channels, frames;
    uint64_t decoded = 0;

    for (;;) {
        enum asr_status st = decoder_read(x->decoder, work->block, block_frames, &frames, err);
        if (st != ASR_OK)
            return st;
        if (frames == 0)
            break;
        decoded += frames;
        if (channel == CHANNEL_MIX)
            mix_to_mono(work->block, frames, info->channels, work->block);
        else
            mix_pick_channel(work->block, frames, info->channels, (unsigned)channel, work->block);
        st = push_mono(x, work->block, frames, err);
        if (st != ASR_OK)
            return st;
    }
    x->out->duration_seconds = (double)decoded / info->rate_hz;
    return push_mono(x, NULL, 0, err);
}

static enum asr_status check_channels(const struct audio_info *info, unsigned max_channels,
                                      int channel, struct asr_error *err)
{
    if (info->channels > max_channels)
        return asr_fail(err, ASR_ERR_LIMIT, "%u channels are over the limit of %u", info->channels,
                        max_channels);
    if (channel != CHANNEL_MIX && (channel < 0 || (unsigned)channel >= info->channels))
        return asr_fail(err, ASR_ERR_INVALID, "channel %d: the recording has %u, counted from 0",
                        channel, info->channels);
    return ASR_OK;
}

enum asr_status front_end_extract(const struct fbank *fb, struct front_end_work *work,
                                  const void *bytes, size_t n_bytes, const struct raw_format *raw,
                                  int channel, const struct decode_limits *limits,
                                  struct features *out, struct asr_error *err)
{
    struct extraction x = {.fb = fb, .work = work, .out = out};
    enum asr_status st;

    if (out->bins != fbank_bins(fb)) /* memory of another model's shape */
        features_free(out);
    out->bins = fbank_bins(fb);
    out->frames = 0;
    out->duration_seconds = 0.0;
    fbank_state_reset(work->stream);
    st = decoder_open(&x.decoder, bytes, n_bytes, raw, limits, err);
    if (st != ASR_OK)
        goto done;
    out->source = *decoder_info(x.decoder);
    st = check_channels(&out->source, work->max_channels, channel, err);
    if (st != ASR_OK)
        goto done;
    st = resampler_new(&x.resampler, out->source.rate_hz, fbank_config(fb)->sample_rate_hz, err);
    if (st != ASR_OK)
        goto done;
    st = reserve_declared(&x, n_bytes, err);
    if (st == ASR_OK)
        st = run(&x, channel, err);

done:
    if (st != ASR_OK)
        out->frames = 0;
    resampler_free(x.resampler);
    decoder_close(x.decoder);
    return st;
}
