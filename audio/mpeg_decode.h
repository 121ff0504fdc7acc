/* mpeg_decode.h - MPEG audio (MP3, MP2, MP1) by libmpg123.
 *
 * libsndfile decodes MP3 with the same library, but takes the length from the first frame when
 * there is no Xing header and cuts a variable-rate recording off there (two thirds of one of our
 * trials), and lets libmpg123 print what it thinks of hostile bytes to stderr. */
#ifndef AUDIO_MPEG_DECODE_H
#define AUDIO_MPEG_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "audio/byte_view.h"
#include "audio/status.h"

struct mpeg_decoder;

/* Walks all frame headers once. Borrows `view`, which must outlive the decoder. *frames is what
 * the recording holds according to them. */
enum asr_status mpeg_open(struct mpeg_decoder **out, struct byte_view *view, unsigned *rate_hz,
                          unsigned *channels, uint64_t *frames, struct asr_error *err);
void mpeg_close(struct mpeg_decoder *mpeg); /* NULL is fine */

/* Up to max_frames into interleaved[max_frames, channels]; *frames is 0 at the end, and where the
 * bytes stop making sense. ASR_ERR_UNSUPPORTED if rate or channels change on the way. */
enum asr_status mpeg_read(struct mpeg_decoder *mpeg, float *interleaved, size_t max_frames,
                          size_t *frames, struct asr_error *err);

#endif
