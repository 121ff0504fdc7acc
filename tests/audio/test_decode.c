/* The witness is arithmetic: tests/data/audio.py put the same sines into every format, with
 * writers that are not the library we read them with. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/decode.h"
#include "tests/support/alloc_fault.h"
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

static enum asr_status decode_all(struct recording *r, const void *bytes, size_t n_bytes,
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

static struct recording decode_file(const char *name)
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

static double sine(unsigned channel, size_t frame)
{
    const double pi = 3.14159265358979323846;
    double turns = (channel == 0 ? 440.0 : 660.0) * (double)frame / RATE_HZ;
    return (channel == 0 ? 0.5 : 0.25) * sin(2.0 * pi * turns);
}

/* Signal to error ratio of one channel against the sine it was made from, in dB. */
static double fidelity_db(const struct recording *r, unsigned channel)
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

START_TEST(every_format_gives_the_signal_it_was_made_from)
    {
        const struct format_case *f = &formats[_i];
        struct recording r = decode_file(f->name);

        ck_assert_uint_eq(r.info.rate_hz, RATE_HZ);
        ck_assert_uint_eq(r.info.channels, f->channels);
        ck_assert_msg(strncmp(r.info.container, f->container, strlen(f->container)) == 0, "%s: %s",
                      f->name, r.info.container);
        ck_assert_uint_ge(r.frames, FRAMES);
        ck_assert_uint_le(r.frames, FRAMES + f->padding);
        for (unsigned c = 0; c < f->channels; c++)
            ck_assert_msg(fidelity_db(&r, c) >= f->min_db, "%s: channel %u: %.1f dB", f->name, c,
                          fidelity_db(&r, c));
        free(r.samples);
    }
END_TEST

START_TEST(headerless_audio_is_what_the_caller_says)
    {
        static const struct {
            struct raw_format raw;
            const char *bytes;
            size_t n_bytes;
            float want[2];
        } cases[] = {
            {{RAW_PCM_S16LE, 8000, 1}, "\x00\x40\x00\xc0", 4, {0.5f, -0.5f}},
            {{RAW_PCM_S16BE, 8000, 1}, "\x40\x00\xc0\x00", 4, {0.5f, -0.5f}},
            {{RAW_PCM_S8, 8000, 1}, "\x40\xc0", 2, {0.5f, -0.5f}},
            {{RAW_PCM_U8, 8000, 1}, "\xc0\x40", 2, {0.5f, -0.5f}},
            {{RAW_PCM_S24LE, 8000, 2}, "\x00\x00\x40\x00\x00\xc0", 6, {0.5f, -0.5f}},
            {{RAW_PCM_S32LE, 8000, 1}, "\0\0\0\x40\0\0\0\xc0", 8, {0.5f, -0.5f}},
            {{RAW_PCM_F32LE, 8000, 1}, "\0\0\0\x3f\0\0\0\xbf", 8, {0.5f, -0.5f}},
            /* ITU-T G.711, tables 2a and 1a: the first code of a segment is its largest value. */
            {{RAW_MULAW, 8000, 1}, "\x80\x00", 2, {32124 / 32768.0f, -32124 / 32768.0f}},
            {{RAW_ALAW, 8000, 1}, "\xaa\x2a", 2, {32256 / 32768.0f, -32256 / 32768.0f}},
        };
        struct recording r;
        struct asr_error err = {0};
        enum asr_status st =
            decode_all(&r, cases[_i].bytes, cases[_i].n_bytes, &cases[_i].raw, &err);
        ck_assert_msg(st == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(r.frames * cases[_i].raw.channels, 2);
        ck_assert_str_eq(r.info.container, "raw");
        ck_assert_float_eq(r.samples[0], cases[_i].want[0]);
        ck_assert_float_eq(r.samples[1], cases[_i].want[1]);
        free(r.samples);
    }
END_TEST

START_TEST(encodings_have_the_names_people_use)
    {
        ck_assert_int_eq(raw_encoding_by_name("s16le"), RAW_PCM_S16LE);
        ck_assert_int_eq(raw_encoding_by_name("LINEAR16"), RAW_PCM_S16LE);
        ck_assert_int_eq(raw_encoding_by_name("mu-law"), RAW_MULAW);
        ck_assert_int_eq(raw_encoding_by_name("a-law"), RAW_ALAW);
        ck_assert_int_eq(raw_encoding_by_name("mp3"), RAW_NONE);
        ck_assert_int_eq(raw_encoding_by_name(""), RAW_NONE);
    }
END_TEST

START_TEST(a_raw_format_that_makes_no_sense_is_refused)
    {
        static const struct raw_format bad[] = {
            {RAW_PCM_S16LE, 0, 1},
            {RAW_PCM_S16LE, 8000, 0},
            {RAW_PCM_S16LE, UINT32_MAX, 1},
            {RAW_PCM_S16LE, 8000, UINT32_MAX},
            {(enum raw_encoding)99, 8000, 1},
        };
        struct recording r;
        struct asr_error err;
        ck_assert_int_eq(decode_all(&r, "abcdefgh", 8, &bad[_i], &err), ASR_ERR_INVALID);
    }
END_TEST

/* ---- headers that lie ----------------------------------------------------------------------- */

static void put_number(unsigned char *at, size_t n_bytes, uint64_t value)
{
    for (size_t i = 0; i < n_bytes; i++, value >>= 8)
        at[i] = (unsigned char)value;
}

enum { WAV_HEADER_BYTES = 44, RIFF_SIZE_AT = 4, CHANNELS_AT = 22, RATE_AT = 24, DATA_SIZE_AT = 40 };

/* The bytes of a file of tests/data/audio/, to be spoilt: free(). */
static unsigned char *fixture(const char *name, size_t *n_bytes)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/data/audio/%s", name);
    return (unsigned char *)file_read(path, n_bytes);
}

START_TEST(a_wav_that_does_not_know_its_length_is_read_to_the_end)
    {
        /* As ffmpeg and SoX write to a pipe, and recorders leave when they are killed. */
        static const struct {
            uint32_t riff_bytes, data_bytes;
        } open_ended[] = {
            {UINT32_MAX, UINT32_MAX}, {0x7ffff024, 0x7ffff000}, {0, 0}, {36, 0}, {8, 0x80000000}};
        size_t n_bytes;
        unsigned char *bytes = fixture("mono-s16.wav", &n_bytes);
        struct recording r;
        struct asr_error err = {0};

        put_number(bytes + RIFF_SIZE_AT, 4, open_ended[_i].riff_bytes);
        put_number(bytes + DATA_SIZE_AT, 4, open_ended[_i].data_bytes);
        ck_assert_msg(decode_all(&r, bytes, n_bytes, NULL, &err) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(r.frames, FRAMES);
        ck_assert_double_ge(fidelity_db(&r, 0), 90);
        free(r.samples);
        free(bytes);
    }
END_TEST

START_TEST(other_open_lengths_are_read_to_the_end)
    {
        static const struct {
            const char *name, *field;
            size_t skip, n_bytes;
            int fill;
        } open_ended[] = {
            {"stereo-s16.caf", "data", 4, 8, 0xff}, /* unknown, by CAF's specification */
            {"stereo-s16.au", ".snd", 8, 4, 0xff},  /* unknown, by AU's */
            {"stereo-s16.rf64", "ds64", 8, 24, 0},  /* not filled in: all three sizes */
        };
        size_t n_bytes;
        unsigned char *bytes = fixture(open_ended[_i].name, &n_bytes);
        unsigned char *field = memmem(bytes, n_bytes, open_ended[_i].field, 4);
        struct recording r;
        struct asr_error err = {0};

        ck_assert_ptr_nonnull(field);
        memset(field + open_ended[_i].skip, open_ended[_i].fill, open_ended[_i].n_bytes);
        ck_assert_msg(decode_all(&r, bytes, n_bytes, NULL, &err) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(r.frames, FRAMES);
        ck_assert_double_ge(fidelity_db(&r, 1), 86);
        free(r.samples);
        free(bytes);
    }
END_TEST

START_TEST(a_closed_empty_wav_stays_empty)
    {
        /* The chunk behind the empty data is not audio. */
        unsigned char bytes[WAV_HEADER_BYTES + 16];
        size_t n_bytes;
        unsigned char *whole = fixture("mono-s16.wav", &n_bytes);
        struct recording r;
        struct asr_error err;

        memcpy(bytes, whole, WAV_HEADER_BYTES);
        memcpy(bytes + WAV_HEADER_BYTES, "LIST\x08\0\0\0INFOabcd", 16);
        put_number(bytes + RIFF_SIZE_AT, 4, sizeof(bytes) - 8);
        put_number(bytes + DATA_SIZE_AT, 4, 0);
        ck_assert_int_eq(decode_all(&r, bytes, sizeof(bytes), NULL, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "empty"));
        free(whole);
    }
END_TEST

START_TEST(a_variable_rate_mp3_without_a_length_is_read_to_the_end)
    {
        /* Two seconds and the encoder's delay; libsndfile stops at 8,000-odd of these samples. */
        struct recording r = decode_file("vbr-without-xing.mp3");
        ck_assert_uint_ge(r.frames, 2 * RATE_HZ);
        ck_assert_uint_le(r.frames, 2 * RATE_HZ + 3 * 576);
        ck_assert_uint_eq(r.frames, r.info.declared_frames);
        free(r.samples);
    }
END_TEST

START_TEST(impossible_or_excessive_formats_are_refused_with_the_value)
    {
        static const struct {
            size_t at, n_bytes;
            uint32_t value;
            enum asr_status status;
            const char *text;
        } cases[] = {
            {RATE_AT, 4, 0, ASR_ERR_FORMAT, "0 Hz"},
            {RATE_AT, 4, 1, ASR_ERR_LIMIT, "1 Hz is under the limit of 4000 Hz"},
            {RATE_AT, 4, 10000000, ASR_ERR_LIMIT, "10000000 Hz is over the limit of 192000 Hz"},
            {RATE_AT, 4, UINT32_MAX, ASR_ERR_LIMIT, "4294967295 Hz"},
            {CHANNELS_AT, 2, 0, ASR_ERR_FORMAT, "0 channels"},
            {CHANNELS_AT, 2, 9, ASR_ERR_LIMIT, "9 channels are over the limit of 8"},
            {CHANNELS_AT, 2, 1000, ASR_ERR_LIMIT, "1000 channels"},
            {CHANNELS_AT, 2, 65535, ASR_ERR_LIMIT, "65535 channels"},
        };
        size_t n_bytes;
        unsigned char *bytes = fixture("mono-s16.wav", &n_bytes);
        struct recording r;
        struct asr_error err;

        put_number(bytes + cases[_i].at, cases[_i].n_bytes, cases[_i].value);
        ck_assert_int_eq(decode_all(&r, bytes, n_bytes, NULL, &err), cases[_i].status);
        ck_assert_msg(strstr(err.text, cases[_i].text) != NULL, "%s", err.text);
        free(bytes);
    }
END_TEST

START_TEST(declared_length_over_a_limit_is_refused_on_opening)
    {
        struct decode_limits tight = limits;
        struct decoder *dec;
        struct asr_error err;
        size_t n_bytes;
        unsigned char *bytes = fixture("stereo-s16.wav", &n_bytes);

        tight.max_seconds = 0.49;
        ck_assert_int_eq(decoder_open(&dec, bytes, n_bytes, NULL, &tight, &err), ASR_ERR_LIMIT);
        ck_assert_ptr_nonnull(strstr(err.text, "0.5 seconds"));
        tight = limits;
        tight.max_decoded_bytes = FRAMES * 2 * sizeof(float) - 1;
        ck_assert_int_eq(decoder_open(&dec, bytes, n_bytes, NULL, &tight, &err), ASR_ERR_LIMIT);
        tight.max_decoded_bytes++;
        ck_assert_int_eq(decoder_open(&dec, bytes, n_bytes, NULL, &tight, &err), ASR_OK);
        decoder_close(dec);
        free(bytes);
    }
END_TEST

START_TEST(what_is_decoded_is_counted_when_nothing_is_declared)
    {
        enum { TOTAL_SAMPLES_AT = 22 }; /* FLAC: the low 32 of STREAMINFO's 36 bits; 0 is unknown */
        float block[2 * FRAMES];
        struct decode_limits tight = limits;
        struct decoder *dec;
        struct asr_error err;
        size_t n_bytes, frames;
        unsigned char *bytes = fixture("stereo.flac", &n_bytes);

        put_number(bytes + TOTAL_SAMPLES_AT, 4, 0);
        if (_i == 0)
            tight.max_seconds = 0.49;
        else
            tight.max_decoded_bytes = FRAMES * 2 * sizeof(float) - 1;
        ck_assert_int_eq(decoder_open(&dec, bytes, n_bytes, NULL, &tight, &err), ASR_OK);
        ck_assert_uint_eq(decoder_info(dec)->declared_frames, 0);
        ck_assert_int_eq(decoder_read(dec, block, FRAMES, &frames, &err), ASR_ERR_LIMIT);
        ck_assert_uint_eq(frames, 0);
        decoder_close(dec);
        free(bytes);
    }
END_TEST

START_TEST(floats_out_of_range_come_out_sane)
    {
        static const struct raw_format raw = {RAW_PCM_F32LE, 8000, 1};
        const float in[] = {NAN, INFINITY, -INFINITY, 3.0f, -3.0f, 1.0f, -1.0f, 0.25f};
        const float want[] = {0.0f, 0.0f, 0.0f, 1.0f, -1.0f, 1.0f, -1.0f, 0.25f};
        struct recording r;
        struct asr_error err;

        ck_assert_int_eq(decode_all(&r, in, sizeof(in), &raw, &err), ASR_OK);
        ck_assert_uint_eq(r.frames, COUNT(in));
        for (size_t i = 0; i < COUNT(in); i++)
            ck_assert_float_eq(r.samples[i], want[i]);
        free(r.samples);
    }
END_TEST

/* ---- bytes that are not, or no longer, audio ------------------------------------------------ */

START_TEST(every_truncation_of_every_format_ends_well)
    {
        /* Without the last frame, an MP3 keeps what the encoder padded it with. */
        enum { MPEG_PADDING = 2 * 576 };
        bool one_page = strcmp(formats[_i].name, "stereo-vorbis.ogg") == 0; /* all or nothing */
        size_t n_bytes, most = 0;
        unsigned char *whole = fixture(formats[_i].name, &n_bytes);

        for (size_t keep = 0; keep < n_bytes; keep += keep < 200 ? 1 : n_bytes / 40) {
            unsigned char *cut = malloc(keep + 1); /* its own block: sanitizers see a read behind */
            struct recording r;
            struct asr_error err = {0};
            ck_assert_ptr_nonnull(cut);
            memcpy(cut, whole, keep);
            if (decode_all(&r, cut, keep, NULL, &err) == ASR_OK) {
                ck_assert_uint_gt(r.frames, 0);
                ck_assert_uint_le(r.frames, FRAMES + formats[_i].padding + MPEG_PADDING);
                most = r.frames > most ? r.frames : most;
            } else {
                ck_assert_uint_gt(strlen(err.text), 0);
            }
            free(r.samples);
            free(cut);
        }
        ck_assert_uint_ge(most,
                          one_page ? 0 : FRAMES / 2); /* a recording cut short gives what it has */
        free(whole);
    }
END_TEST

START_TEST(one_sample_is_a_recording)
    {
        size_t n_bytes;
        unsigned char *bytes = fixture("mono-s16.wav", &n_bytes);
        struct recording r;
        struct asr_error err = {0};

        put_number(bytes + DATA_SIZE_AT, 4, 2);
        ck_assert_msg(decode_all(&r, bytes, WAV_HEADER_BYTES + 2, NULL, &err) == ASR_OK, "%s",
                      err.text);
        ck_assert_uint_eq(r.frames, 1);
        free(r.samples);
        free(bytes);
    }
END_TEST

START_TEST(empty_recordings_are_called_empty)
    {
        static const struct raw_format raw = {RAW_PCM_S16LE, 8000, 1};
        size_t n_bytes;
        unsigned char *bytes = fixture("mono-s16.wav", &n_bytes);
        struct recording r;
        struct asr_error err;

        ck_assert_int_eq(decode_all(&r, "", 0, NULL, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "empty"));
        ck_assert_int_eq(decode_all(&r, "x", 1, &raw, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "empty"));
        ck_assert_int_eq(decode_all(&r, bytes, WAV_HEADER_BYTES, NULL, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "empty"));
        free(bytes);
    }
END_TEST

START_TEST(what_is_not_decodable_is_refused_by_name)
    {
        static const struct {
            const char *bytes;
            size_t n_bytes;
            enum asr_status status;
            const char *text;
        } cases[] = {
#define BYTES(text) text, sizeof(text) - 1
            {BYTES("Dear Sir, this is a letter.\n"), ASR_ERR_FORMAT, "text, not audio"},
            {BYTES("<html><body>404</body></html>"), ASR_ERR_FORMAT, "text, not audio"},
            {BYTES("\xff\xfeh\0e\0l\0l\0o\0"), ASR_ERR_FORMAT, "text, not audio"},
            {BYTES("gr\xc3\xbc\xc3\x9f dich"), ASR_ERR_FORMAT, "text, not audio"},
            {BYTES("\0\0\0\x20"
                   "ftypM4A \0\0\0\0"),
             ASR_ERR_UNSUPPORTED, "MP4 or M4A"},
            {BYTES("\x1a\x45\xdf\xa3\x9f\x42\x86\x81"), ASR_ERR_UNSUPPORTED, "WebM"},
            {BYTES("#!AMR\n\x3c\x91\x17\x16"), ASR_ERR_UNSUPPORTED, "AMR"},
            {BYTES("\xff\xf1\x6c\x40\x0c\x9f\xfc\xde"), ASR_ERR_UNSUPPORTED, "AAC"},
            {BYTES("\x30\x26\xb2\x75\x8e\x66\xcf\x11"), ASR_ERR_UNSUPPORTED, "WMA"},
            {BYTES("PK\x03\x04\x14\0\0\0"), ASR_ERR_UNSUPPORTED, "ZIP"},
            {BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), ASR_ERR_FORMAT, "not an audio file"},
            {BYTES("ID3\x04\0\0\x7f\x7f\x7f\x7f"), ASR_ERR_FORMAT, "not an audio file"},
            {BYTES("RIFF\x04\0\0\0WAVE"), ASR_ERR_FORMAT, "WAV: "},
            {BYTES("fLaC"), ASR_ERR_FORMAT, "FLAC: "},
            {BYTES("OggS"), ASR_ERR_FORMAT, "Ogg: "},
#undef BYTES
        };
        struct recording r;
        struct asr_error err;
        ck_assert_int_eq(decode_all(&r, cases[_i].bytes, cases[_i].n_bytes, NULL, &err),
                         cases[_i].status);
        ck_assert_msg(strstr(err.text, cases[_i].text) != NULL, "%s", err.text);
    }
END_TEST

START_TEST(mp3_frames_are_found_behind_junk_and_tags)
    {
        enum { JUNK = 3000, ID3_BYTES = 10 + 200 };
        size_t n_bytes;
        unsigned char *mp3 = fixture("stereo.mp3", &n_bytes);
        unsigned char *bytes = calloc(1, JUNK + n_bytes);
        struct recording r;
        struct asr_error err = {0};

        ck_assert_ptr_nonnull(bytes);
        if (_i == 0) { /* the sync pattern is in the junk too */
            memset(bytes, 0xff, JUNK);
        } else { /* a tag of 200 bytes and zeros behind it */
            memcpy(bytes, "ID3\x04\0\0\0\0\x01\x48", 10);
        }
        memcpy(bytes + JUNK, mp3, n_bytes);
        ck_assert_msg(decode_all(&r, bytes, JUNK + n_bytes, NULL, &err) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(r.frames, FRAMES);
        ck_assert_double_ge(fidelity_db(&r, 0), 25);
        free(r.samples);
        free(bytes);
        free(mp3);
    }
END_TEST

START_TEST(damage_in_the_middle_never_harms)
    {
        size_t n_bytes;
        unsigned char *bytes = fixture(formats[_i].name, &n_bytes);
        unsigned random = 12345;

        for (int round = 0; round < 40; round++) {
            struct recording r;
            struct asr_error err = {0};
            random = random * 1664525 + 1013904223;
            bytes[(random >> 8) % n_bytes] ^= (unsigned char)(1 + (random & 0x7f));
            if (decode_all(&r, bytes, n_bytes, NULL, &err) == ASR_OK)
                for (size_t i = 0; i < r.frames * r.info.channels; i++)
                    ck_assert(fabsf(r.samples[i]) <= 1.0f);
            free(r.samples);
        }
        free(bytes);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        static const char *const names[] = {"mono-s16.wav", "stereo.mp3"};
        size_t n_bytes;
        unsigned char *bytes = fixture(names[_i], &n_bytes);
        enum asr_status st;
        long nth = 0;

        do {
            struct decoder *dec;
            fail_alloc(nth++);
            st = decoder_open(&dec, bytes, n_bytes, NULL, &limits, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (dec != NULL));
            decoder_close(dec);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, _i == 0 ? 2 : 3); /* the decoder, and the MPEG part of one */
        free(bytes);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("decode");
    TCase *good = tcase_create("formats"), *bad = tcase_create("hostile");

    tcase_add_loop_test(good, every_format_gives_the_signal_it_was_made_from, 0, COUNT(formats));
    tcase_add_loop_test(good, headerless_audio_is_what_the_caller_says, 0, 9);
    tcase_add_test(good, encodings_have_the_names_people_use);
    tcase_add_loop_test(good, a_wav_that_does_not_know_its_length_is_read_to_the_end, 0, 5);
    tcase_add_loop_test(good, other_open_lengths_are_read_to_the_end, 0, 3);
    tcase_add_test(good, a_variable_rate_mp3_without_a_length_is_read_to_the_end);
    tcase_add_loop_test(good, mp3_frames_are_found_behind_junk_and_tags, 0, 2);
    tcase_add_test(good, one_sample_is_a_recording);
    tcase_add_loop_test(good, every_allocation_may_fail, 0, 2);
    suite_add_tcase(s, good);

    tcase_set_timeout(bad, 60); /* seconds; hundreds of decodings under valgrind */
    tcase_add_loop_test(bad, a_raw_format_that_makes_no_sense_is_refused, 0, 5);
    tcase_add_test(bad, a_closed_empty_wav_stays_empty);
    tcase_add_loop_test(bad, impossible_or_excessive_formats_are_refused_with_the_value, 0, 8);
    tcase_add_test(bad, declared_length_over_a_limit_is_refused_on_opening);
    tcase_add_loop_test(bad, what_is_decoded_is_counted_when_nothing_is_declared, 0, 2);
    tcase_add_test(bad, floats_out_of_range_come_out_sane);
    tcase_add_loop_test(bad, every_truncation_of_every_format_ends_well, 0, COUNT(formats));
    tcase_add_test(bad, empty_recordings_are_called_empty);
    tcase_add_loop_test(bad, what_is_not_decodable_is_refused_by_name, 0, 15);
    tcase_add_loop_test(bad, damage_in_the_middle_never_harms, 0, COUNT(formats));
    suite_add_tcase(s, bad);
    return s;
}
