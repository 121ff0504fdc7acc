/* front_end.h - a recording's bytes -> features, as a stream: decode, pick channels, resample,
 * fbank.
 *
 * One pass over the bytes, block by block: apart from the caller's encoded bytes only a block is
 * held at a time, however long the recording. Several channels come out of the same pass, each
 * through a resampler and a filter bank of its own. Header fields are never trusted for memory.
 *
 * struct front_end is one recording on its way, one thread at a time; struct front_end_work is
 * scratch of one thread, for any number of recordings by turns. */
#ifndef AUDIO_FRONT_END_H
#define AUDIO_FRONT_END_H

#include <stddef.h>

#include "audio/decode.h"
#include "audio/fbank.h"
#include "audio/status.h"

/* Instead of a channel's number, counted from 0: */
enum {
    CHANNEL_MIX = -1,  /* the mean over all channels */
    CHANNEL_EACH = -2, /* every channel by itself */
};

struct front_end;
struct front_end_work;

enum asr_status front_end_work_new(struct front_end_work **out, const struct fbank *fb,
                                   unsigned max_channels, struct asr_error *err);
void front_end_work_free(struct front_end_work *work);

/* Borrows all that it is given. `raw` may be NULL; `channel` as above, or ASR_ERR_INVALID past the
 * last. Other errors: as decoder_open(). On failure *out is NULL. */
enum asr_status front_end_open(struct front_end **out, const struct fbank *fb, const void *bytes,
                               size_t n_bytes, const struct raw_format *raw, int channel,
                               const struct decode_limits *limits, struct asr_error *err);
void front_end_close(struct front_end *fe); /* NULL is fine */

const struct audio_info *front_end_info(const struct front_end *fe);
size_t front_end_lanes(const struct front_end *fe);   /* 1, or the channels for CHANNEL_EACH */
double front_end_seconds(const struct front_end *fe); /* decoded so far */

/* The next block: *frames in every lane, which front_end_features() has until the next call; 0 at
 * the end. A recording shorter than one frame has none, and no error. The work may be another at
 * every call; ASR_ERR_LIMIT if it is for fewer channels. */
enum asr_status front_end_next(struct front_end *fe, struct front_end_work *work, size_t *frames,
                               struct asr_error *err);

/* [frames, fbank_bins()] of one lane. */
const float *front_end_features(const struct front_end *fe, size_t lane);

/* features[frames, bins], owned by the caller: features_free(). All zero is an empty one. */
struct features {
    float *values;
    size_t frames, bins;
    size_t capacity_frames;
    double duration_seconds; /* of the recording as decoded */
    struct audio_info source;
};

void features_free(struct features *features);

/* Appends values[frames, bins]. */
enum asr_status features_append(struct features *features, const float *values, size_t frames,
                                struct asr_error *err);

/* All of a recording's first lane at once, for those who have memory for it. *out is replaced, its
 * memory reused; on failure it has no frames. */
enum asr_status front_end_extract(const struct fbank *fb, struct front_end_work *work,
                                  const void *bytes, size_t n_bytes, const struct raw_format *raw,
                                  int channel, const struct decode_limits *limits,
                                  struct features *out, struct asr_error *err);

#endif
