/* decode_fixture.h - the known recordings of tests/data/audio/ and their whole decoding, for the
 * tests of decode.h. */
#ifndef TESTS_AUDIO_DECODE_FIXTURE_H
#define TESTS_AUDIO_DECODE_FIXTURE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/decode.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

enum { RATE_HZ = 8000, FRAMES = 4000, BLOCK_FRAMES = 700, ROOM_FRAMES = 1 << 16 };

static const struct decode_limits limits = {.max_seconds = 60,
                                            .min_rate_hz = 4000,
                                            .max_rate_hz = 192000,
                                            .max_channels = 8,
                                            .max_decoded_bytes = 64 << 20};

/* A whole recording, block by block, into samples[ROOM_FRAMES, channels]: free(). */
struct recording {
    struct audio_info info;
    float *samples;
    size_t frames;
};

static inline enum asr_status decode_all(struct recording *r, const void *bytes, size_t n_bytes,
                                         const struct raw_format *raw, struct asr_error *err)
{
    struct decoder *dec;
    size_t frames;
    enum asr_status st = decoder_open(&dec, bytes, n_bytes, raw, &limits, err);

    *r = (struct recording){0};
    ck_assert((st == ASR_OK) == (dec != NULL));
    if (st != ASR_OK)
        return st;
    r->info = *decoder_info(dec);
    r->samples = malloc(ROOM_FRAMES * r->info.channels * sizeof(float));
    ck_assert_ptr_nonnull(r->samples);
    do {
        ck_assert_uint_le(r->frames + BLOCK_FRAMES, ROOM_FRAMES);
        st = decoder_read(dec, r->samples + r->frames * r->info.channels, BLOCK_FRAMES, &frames,
                          err);
        r->frames += frames;
    } while (st == ASR_OK && frames > 0);
    decoder_close(dec);
    return st;
}

static inline void put_number(unsigned char *at, size_t n_bytes, uint64_t value)
{
    for (size_t i = 0; i < n_bytes; i++, value >>= 8)
        at[i] = (unsigned char)value;
}

enum { WAV_HEADER_BYTES = 44, RIFF_SIZE_AT = 4, CHANNELS_AT = 22, RATE_AT = 24, DATA_SIZE_AT = 40 };

/* The bytes of a file of tests/data/audio/, to be spoilt: free(). */
static inline unsigned char *fixture(const char *name, size_t *n_bytes)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/data/audio/%s", name);
    return (unsigned char *)file_read(path, n_bytes);
}

static inline struct recording decode_file(const char *name)
{
    char path[128];
    size_t n_bytes;
    struct recording r;
    struct asr_error err = {0};

    snprintf(path, sizeof(path), "tests/data/audio/%s", name);
    char *bytes = file_read(path, &n_bytes);
    enum asr_status st = decode_all(&r, bytes, n_bytes, NULL, &err);
    ck_assert_msg(st == ASR_OK, "%s: %s", name, err.text);
    free(bytes);
    return r;
}

static inline double sine(unsigned channel, size_t frame)
{
    const double pi = 3.14159265358979323846;
    double turns = (channel == 0 ? 440.0 : 660.0) * (double)frame / RATE_HZ;
    return (channel == 0 ? 0.5 : 0.25) * sin(2.0 * pi * turns);
}

/* Signal to error ratio of one channel against the sine it was made from, in dB. */
static inline double fidelity_db(const struct recording *r, unsigned channel)
{
    double signal = 0.0, error = 0.0;
    for (size_t t = 0; t < FRAMES; t++) {
        double want = sine(channel, t);
        double off = want - (double)r->samples[t * r->info.channels + channel];
        signal += want * want;
        error += off * off;
    }
    return 10.0 * log10(signal / (error + 1e-30));
}

/* SoX decodes the same GSM file to 13.6 dB and the IMA file to 19.8 dB; block codecs pad the end.
 */
static const struct format_case {
    const char *name, *container;
    unsigned channels;
    size_t padding;
    double min_db;
} formats[] = {
    {"mono-s16.wav", "WAV", 1, 0, 90},     {"mono-u8.wav", "WAV", 1, 0, 44},
    {"mono-s24.wav", "WAV", 1, 0, 138},    {"mono-s32.wav", "WAV", 1, 0, 150},
    {"mono-f32.wav", "WAV", 1, 0, 150},    {"mono-f64.wav", "WAV", 1, 0, 150},
    {"mono-mulaw.wav", "WAV", 1, 0, 36},   {"mono-alaw.wav", "WAV", 1, 0, 36},
    {"mono-ima.wav", "WAV", 1, 505, 19},   {"mono-ms.wav", "WAV", 1, 500, 38},
    {"mono-gsm.wav", "WAV", 1, 640, 13},   {"stereo-s16.wav", "WAV", 2, 0, 86},
    {"stereo-s16.rf64", "RF64", 2, 0, 86}, {"stereo-s16.w64", "W64", 2, 0, 86},
    {"stereo-s16.aiff", "AIFF", 2, 0, 86}, {"stereo-s16.au", "AU", 2, 0, 86},
    {"mono-f32.au", "AU", 1, 0, 150},      {"mono-mulaw.au", "AU", 1, 0, 36},
    {"stereo-s16.caf", "CAF", 2, 0, 86},   {"mono-s16.sph", "WAV (NIST", 1, 0, 90},
    {"stereo.flac", "FLAC", 2, 0, 86},     {"stereo-vorbis.ogg", "OGG", 2, 0, 35},
    {"stereo-opus.ogg", "OGG", 2, 0, 35},  {"stereo.mp3", "MPEG", 2, 0, 25},
};

#endif
