/* front_end.c - see front_end.h.
 *
 * A block is decoded once, then each lane picks its channel out of it. What only lives while a
 * block is worked on (decoded, picked, resampled samples, the FFT's buffers) is the thread's and
 * shared by the lanes; what goes on from block to block (resampler, fbank's overlap) is each lane's
 * own. */
#include "audio/front_end.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/mix.h"
#include "audio/resample.h"

/* All channels of a block together: stays in the second cache. */
enum { BLOCK_SAMPLES = 16 << 10 };

struct front_end_work {
    struct fbank_work *fbank;
    unsigned max_channels;
    size_t block_capacity;     /* samples */
    float *block;              /* interleaved */
    float *mono;               /* [block_capacity], one lane's of it */
    size_t resampled_capacity; /* samples */
    float *resampled;
};

struct lane {
    int channel; /* CHANNEL_MIX or 0-based */
    struct resampler *resampler;
    struct fbank_state *stream;
    size_t capacity, frames;
    float *features; /* [capacity, bins] */
};

struct front_end {
    const struct fbank *fb;
    struct decoder *decoder;
    uint64_t decoded; /* samples of a channel */
    bool ended;
    size_t n_lanes;
    struct lane lanes[];
};

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
    work->mono = malloc(work->block_capacity * sizeof(*work->mono));
    if (!work->block || !work->mono)
        st = asr_fail(err, ASR_ERR_NOMEM, "front end: out of memory");
    else
        st = fbank_work_new(&work->fbank, fb, err);
    if (st != ASR_OK) {
        front_end_work_free(work);
        return st;
    }
    *out = work;
    return ASR_OK;
}

void front_end_work_free(struct front_end_work *work)
{
    if (!work)
        return;
    fbank_work_free(work->fbank);
    free(work->resampled);
    free(work->mono);
    free(work->block);
    free(work);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static enum asr_status check_channel(const struct audio_info *info, int channel,
                                     struct asr_error *err)
{
    if (channel != CHANNEL_MIX && channel != CHANNEL_EACH &&
        (channel < 0 || (unsigned)channel >= info->channels))
        return asr_fail(err, ASR_ERR_INVALID, "channel %d: the recording has %u, counted from 0",
                        channel, info->channels);
    return ASR_OK;
}

static enum asr_status open_lanes(struct front_end *fe, int channel, struct asr_error *err)
{
    unsigned in_hz = decoder_info(fe->decoder)->rate_hz;
    unsigned out_hz = fbank_config(fe->fb)->sample_rate_hz;
    enum asr_status st = ASR_OK;

    for (size_t i = 0; i < fe->n_lanes && st == ASR_OK; i++) {
        struct lane *lane = &fe->lanes[i];
        lane->channel = channel == CHANNEL_EACH ? (int)i : channel;
        st = resampler_new(&lane->resampler, in_hz, out_hz, err);
        if (st == ASR_OK)
            st = fbank_state_new(&lane->stream, fe->fb, err);
    }
    return st;
}

enum asr_status front_end_open(struct front_end **out, const struct fbank *fb, const void *bytes,
                               size_t n_bytes, const struct raw_format *raw, int channel,
                               const struct decode_limits *limits, struct asr_error *err)
{
    struct decoder *decoder;
    struct front_end *fe;
    size_t n_lanes;
    enum asr_status st = decoder_open(&decoder, bytes, n_bytes, raw, limits, err);

    *out = NULL;
    if (st != ASR_OK)
        return st;
    st = check_channel(decoder_info(decoder), channel, err);
    if (st != ASR_OK) {
        decoder_close(decoder);
        return st;
    }
    n_lanes = channel == CHANNEL_EACH ? decoder_info(decoder)->channels : 1;
    fe = calloc(1, sizeof(*fe) + n_lanes * sizeof(fe->lanes[0]));
    if (!fe) {
        decoder_close(decoder);
        return asr_fail(err, ASR_ERR_NOMEM, "front end: out of memory");
    }
    fe->fb = fb;
    fe->decoder = decoder;
    fe->n_lanes = n_lanes;
    st = open_lanes(fe, channel, err);
    if (st != ASR_OK) {
        front_end_close(fe);
        return st;
    }
    *out = fe;
    return ASR_OK;
}

void front_end_close(struct front_end *fe)
{
    if (!fe)
        return;
    for (size_t i = 0; i < fe->n_lanes; i++) {
        resampler_free(fe->lanes[i].resampler);
        fbank_state_free(fe->lanes[i].stream);
        free(fe->lanes[i].features);
    }
    decoder_close(fe->decoder);
    free(fe);
}

const struct audio_info *front_end_info(const struct front_end *fe)
{
    return decoder_info(fe->decoder);
}

size_t front_end_lanes(const struct front_end *fe)
{
    return fe->n_lanes;
}

double front_end_seconds(const struct front_end *fe)
{
    return (double)fe->decoded / decoder_info(fe->decoder)->rate_hz;
}

const float *front_end_features(const struct front_end *fe, size_t lane)
{
    return fe->lanes[lane].features;
}

/* ---- a block ----------------------------------------------------------------------------------
 */

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

/* Room for `frames` in all; what is in there is not kept. */
static enum asr_status reserve_lane(struct lane *lane, size_t frames, size_t bins,
                                    struct asr_error *err)
{
    if (frames <= lane->capacity)
        return ASR_OK;
    free(lane->features);
    lane->capacity = 0;
    lane->features = malloc(frames * bins * sizeof(*lane->features));
    if (!lane->features)
        return asr_fail(err, ASR_ERR_NOMEM, "features: no memory for %zu frames", frames);
    lane->capacity = frames;
    return ASR_OK;
}

/* mono[n] at the recording's rate -> lane->features. NULL flushes the resampler. */
static enum asr_status push_lane(const struct fbank *fb, struct front_end_work *work,
                                 struct lane *lane, const float *mono, size_t n,
                                 struct asr_error *err)
{
    size_t produced = 0;
    enum asr_status st = reserve_resampled(work, resampler_max_output(lane->resampler, n), err);

    if (st == ASR_OK && mono)
        st = resampler_push(lane->resampler, mono, n, work->resampled, &produced, err);
    else if (st == ASR_OK)
        st = resampler_flush(lane->resampler, work->resampled, &produced, err);
    if (st == ASR_OK)
        st =
            reserve_lane(lane, fbank_frames_ready(fb, lane->stream, produced), fbank_bins(fb), err);
    if (st == ASR_OK)
        lane->frames =
            fbank_push(fb, work->fbank, lane->stream, work->resampled, produced, lane->features);
    return st;
}

/* What was decoded into work->block[frames, channels]; no frames: the end. */
static enum asr_status push_block(struct front_end *fe, struct front_end_work *work, size_t frames,
                                  struct asr_error *err)
{
    unsigned channels = decoder_info(fe->decoder)->channels;
    enum asr_status st = ASR_OK;

    for (size_t i = 0; i < fe->n_lanes && st == ASR_OK; i++) {
        struct lane *lane = &fe->lanes[i];
        if (lane->channel == CHANNEL_MIX)
            mix_to_mono(work->block, frames, channels, work->mono);
        else
            mix_pick_channel(work->block, frames, channels, (unsigned)lane->channel, work->mono);
        st = push_lane(fe->fb, work, lane, frames ? work->mono : NULL, frames, err);
        /* The same number of samples went the same way. */
        assert(st != ASR_OK || lane->frames == fe->lanes[0].frames);
    }
    return st;
}

enum asr_status front_end_next(struct front_end *fe, struct front_end_work *work, size_t *frames,
                               struct asr_error *err)
{
    unsigned channels = decoder_info(fe->decoder)->channels;
    size_t decoded;

    *frames = 0;
    if (channels > work->max_channels)
        return asr_fail(err, ASR_ERR_LIMIT, "%u channels are over the limit of %u", channels,
                        work->max_channels);
    while (*frames == 0 && !fe->ended) {
        enum asr_status st =
            decoder_read(fe->decoder, work->block, work->block_capacity / channels, &decoded, err);
        if (st == ASR_OK)
            st = push_block(fe, work, decoded, err);
        if (st != ASR_OK)
            return st;
        fe->decoded += decoded;
        fe->ended = decoded == 0;
        *frames = fe->lanes[0].frames;
    }
    return ASR_OK;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

void features_free(struct features *features)
{
    free(features->values);
    *features = (struct features){0};
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

enum asr_status features_append(struct features *f, const float *values, size_t frames,
                                struct asr_error *err)
{
    enum asr_status st = reserve_features(f, f->frames + frames, err);
    if (st != ASR_OK)
        return st;
    if (frames)
        memcpy(f->values + f->frames * f->bins, values, frames * f->bins * sizeof(*values));
    f->frames += frames;
    return ASR_OK;
}

enum asr_status front_end_extract(const struct fbank *fb, struct front_end_work *work,
                                  const void *bytes, size_t n_bytes, const struct raw_format *raw,
                                  int channel, const struct decode_limits *limits,
                                  struct features *out, struct asr_error *err)
{
    struct front_end *fe;
    size_t frames = 1;
    enum asr_status st = front_end_open(&fe, fb, bytes, n_bytes, raw, channel, limits, err);

    if (out->bins != fbank_bins(fb)) /* memory of another model's shape */
        features_free(out);
    out->bins = fbank_bins(fb);
    out->frames = 0;
    out->duration_seconds = 0.0;
    if (st != ASR_OK)
        return st;
    out->source = *front_end_info(fe);
    while (st == ASR_OK && frames > 0) {
        st = front_end_next(fe, work, &frames, err);
        if (st == ASR_OK)
            st = features_append(out, front_end_features(fe, 0), frames, err);
    }
    if (st == ASR_OK)
        out->duration_seconds = front_end_seconds(fe);
    else
        out->frames = 0;
    front_end_close(fe);
    return st;
}
