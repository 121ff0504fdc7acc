/* resample.h - one channel from the recording's rate to the model's, as a stream, by soxr (HQ), and
 * rounded to 16 bits (why: resample.c).
 *
 * A struct resampler is state: one per stream, one thread at a time. With equal rates it copies. */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include <stddef.h>

#include "audio/status.h"

struct resampler;

enum asr_status resampler_new(struct resampler **out, unsigned in_hz, unsigned out_hz,
                              struct asr_error *err);
void resampler_free(struct resampler *rs); /* NULL is fine */

/* The most samples that one push of `samples` can give, the flush included. */
size_t resampler_max_output(const struct resampler *rs, size_t samples);

/* in[samples] -> out[*produced]; room for resampler_max_output(samples). The filter's delay is
 * compensated: over the whole stream sample n of the output is at n / out_hz seconds. */
enum asr_status resampler_push(struct resampler *rs, const float *in, size_t samples, float *out,
                               size_t *produced, struct asr_error *err);

/* The rest, after the last push; room for resampler_max_output(0). */
enum asr_status resampler_flush(struct resampler *rs, float *out, size_t *produced,
                                struct asr_error *err);

#endif
