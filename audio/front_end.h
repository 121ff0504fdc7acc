/* front_end.h - a recording's bytes -> features, in one pass: decode, one channel, resample, fbank.
 *
 * Works block by block, so that apart from the caller's encoded bytes only the features are held
 * in full. Header fields are never trusted for memory: the feature matrix grows with what is
 * really decoded, inside limits.max_seconds. */
#ifndef AUDIO_FRONT_END_H
#define AUDIO_FRONT_END_H

#include <stddef.h>

#include "audio/decode.h"
#include "audio/fbank.h"
#include "audio/status.h"

enum { CHANNEL_MIX = -1 }; /* mean over all channels */

/* features[frames, bins], owned by the caller: features_free(). All zero is an empty one. */
struct features {
    float *values;
    size_t frames, bins;
    size_t capacity_frames;
    double duration_seconds; /* of the recording as decoded */
    struct audio_info source;
};

void features_free(struct features *features);

struct front_end_work; /* scratch of one thread */

enum asr_status front_end_work_new(struct front_end_work **out, const struct fbank *fb,
                                   unsigned max_channels, struct asr_error *err);
void front_end_work_free(struct front_end_work *work);

/* `channel`: CHANNEL_MIX, or 0-based (ASR_ERR_INVALID past the last). *out is replaced, its memory
 * reused. A recording shorter than one frame gives frames == 0 and ASR_OK. Errors: as
 * decoder_open(). */
enum asr_status front_end_extract(const struct fbank *fb, struct front_end_work *work,
                                  const void *bytes, size_t n_bytes, const struct raw_format *raw,
                                  int channel, const struct decode_limits *limits,
                                  struct features *out, struct asr_error *err);

#endif
