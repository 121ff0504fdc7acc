/* Bytes that lie about themselves, end too soon, or are not audio. */
#include "tests/audio/decode_fixture.h"

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

START_TEST(an_mp3_that_turns_from_stereo_to_mono_is_refused)
    {
        size_t n_stereo, n_mono;
        unsigned char *stereo = fixture("stereo.mp3", &n_stereo);
        unsigned char *mono = fixture("vbr-without-xing.mp3", &n_mono);
        struct recording r;
        struct asr_error err;

        stereo = realloc(stereo, n_stereo + n_mono);
        ck_assert_ptr_nonnull(stereo);
        memcpy(stereo + n_stereo, mono, n_mono);
        ck_assert_int_eq(decode_all(&r, stereo, n_stereo + n_mono, NULL, &err),
                         ASR_ERR_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(err.text, "from 8000 Hz on 2 channels to 8000 Hz on 1"));
        free(r.samples);
        free(mono);
        free(stereo);
    }
END_TEST

START_TEST(vorbis_headers_cut_off_are_refused_as_such)
    {
        size_t n_bytes;
        unsigned char *bytes = fixture("stereo-vorbis.ogg", &n_bytes);
        struct recording r;
        struct asr_error err;
        ck_assert_int_eq(decode_all(&r, bytes, 200, NULL, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "Vorbis headers"));
        free(bytes);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("decode_hostile");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 120); /* seconds; hundreds of decodings under valgrind */
    tcase_add_loop_test(tc, a_raw_format_that_makes_no_sense_is_refused, 0, 5);
    tcase_add_test(tc, a_closed_empty_wav_stays_empty);
    tcase_add_loop_test(tc, impossible_or_excessive_formats_are_refused_with_the_value, 0, 8);
    tcase_add_test(tc, declared_length_over_a_limit_is_refused_on_opening);
    tcase_add_loop_test(tc, what_is_decoded_is_counted_when_nothing_is_declared, 0, 2);
    tcase_add_test(tc, floats_out_of_range_come_out_sane);
    tcase_add_loop_test(tc, every_truncation_of_every_format_ends_well, 0, COUNT(formats));
    tcase_add_test(tc, empty_recordings_are_called_empty);
    tcase_add_loop_test(tc, what_is_not_decodable_is_refused_by_name, 0, 15);
    tcase_add_test(tc, an_mp3_that_turns_from_stereo_to_mono_is_refused);
    tcase_add_test(tc, vorbis_headers_cut_off_are_refused_as_such);
    tcase_add_loop_test(tc, damage_in_the_middle_never_harms, 0, COUNT(formats));
    suite_add_tcase(s, tc);
    return s;
}
