/* decode.h - compressed or raw audio bytes in memory -> interleaved float samples, pulled in
 * blocks.
 *
 * Containers are read by libsndfile over virtual I/O: WAV, W64, RF64, AIFF, AU, CAF, FLAC, Ogg
 * (Vorbis, Opus), MP3 with every encoding that libsndfile knows. Headerless PCM, mu-law and A-law
 * need a struct raw_format, because nothing in the bytes tells what they are.
 *
 * The decoder never holds the whole recording: the caller pulls blocks, so the encoded bytes
 * stay the only full copy. Declared sizes are checked against the limits on opening, before
 * memory is asked for; what is really decoded is counted too, since headers lie.
 *
 * A struct decoder belongs to one thread at a time. */
#ifndef AUDIO_DECODE_H
#define AUDIO_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct decoder;

enum raw_encoding {
    RAW_NONE = 0, /* not headerless: look at the container */
    RAW_PCM_S16LE,
    RAW_PCM_S16BE,
    RAW_PCM_S8,
    RAW_PCM_U8,
    RAW_PCM_S24LE,
    RAW_PCM_S32LE,
    RAW_PCM_F32LE,
    RAW_MULAW,
    RAW_ALAW,
};

struct raw_format {
    enum raw_encoding encoding;
    unsigned rate_hz;
    unsigned channels;
};

/* "s16le", "mulaw", ... (and the aliases linear16, mu-law, a-law) -> encoding; RAW_NONE if unknown.
 */
enum raw_encoding raw_encoding_by_name(const char *name);

struct decode_limits {
    double max_seconds;
    unsigned min_rate_hz, max_rate_hz;
    unsigned max_channels;
    uint64_t max_decoded_bytes; /* decoded float samples, all channels */
};

struct audio_info {
    unsigned rate_hz;
    unsigned channels;
    uint64_t
        declared_frames;   /* one frame is one sample per channel; 0 when the header does not say */
    const char *container; /* static text, e.g. "WAV (Microsoft)"; "raw" when headerless */
};

/* Borrows `bytes`, which must outlive the decoder. `raw` may be NULL. On failure *out is NULL:
 *   ASR_ERR_FORMAT       not audio that we can read, or broken; the text says what was recognised
 *   ASR_ERR_UNSUPPORTED  recognised but not decodable here (MP4, WebM, ...)
 *   ASR_ERR_LIMIT        rate, channels, duration or decoded size over a limit
 *   ASR_ERR_INVALID      a raw_format that makes no sense */
enum asr_status decoder_open(struct decoder **out, const void *bytes, size_t n_bytes,
                             const struct raw_format *raw, const struct decode_limits *limits,
                             struct asr_error *err);
void decoder_close(struct decoder *dec); /* NULL is fine */

const struct audio_info *decoder_info(const struct decoder *dec);

/* Up to max_frames frames into interleaved[max_frames, channels], in [-1, 1] for integer formats.
 * *frames is 0 at the end. NaN and infinite samples become 0 and out-of-range floats are clipped
 * to [-1, 1]. A recording cut short gives what it has. Does not allocate. */
enum asr_status decoder_read(struct decoder *dec, float *interleaved, size_t max_frames,
                             size_t *frames, struct asr_error *err);

#endif
