/* The witness is arithmetic: tests/data/audio.py put the same sines into every format, with
 * writers that are not the library we read them with. */
#include "tests/audio/decode_fixture.h"
#include "tests/support/alloc_fault.h"

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

START_TEST(an_mp3_inside_a_wav_is_an_mp3)
    {
        enum { WAVE_FORMAT_MPEGLAYER3 = 0x55, FORMAT_TAG_AT = 20 };
        size_t n_mp3, n_wav;
        unsigned char *mp3 = fixture("stereo.mp3", &n_mp3),
                      *wav = fixture("stereo-s16.wav", &n_wav);
        struct recording r;
        struct asr_error err = {0};

        ck_assert_uint_le(WAV_HEADER_BYTES + n_mp3, n_wav);
        put_number(wav + FORMAT_TAG_AT, 2, WAVE_FORMAT_MPEGLAYER3);
        put_number(wav + DATA_SIZE_AT, 4, n_mp3);
        memcpy(wav + WAV_HEADER_BYTES, mp3, n_mp3);
        ck_assert_msg(decode_all(&r, wav, n_wav, NULL, &err) == ASR_OK, "%s", err.text);
        ck_assert_str_eq(r.info.container, "MPEG audio in WAV");
        ck_assert_uint_eq(r.frames, FRAMES);
        ck_assert_double_ge(fidelity_db(&r, 1), 25);
        free(r.samples);
        free(wav);
        free(mp3);
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
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, every_format_gives_the_signal_it_was_made_from, 0, COUNT(formats));
    tcase_add_loop_test(tc, headerless_audio_is_what_the_caller_says, 0, 9);
    tcase_add_test(tc, encodings_have_the_names_people_use);
    tcase_add_loop_test(tc, a_wav_that_does_not_know_its_length_is_read_to_the_end, 0, 5);
    tcase_add_loop_test(tc, other_open_lengths_are_read_to_the_end, 0, 3);
    tcase_add_test(tc, a_variable_rate_mp3_without_a_length_is_read_to_the_end);
    tcase_add_loop_test(tc, mp3_frames_are_found_behind_junk_and_tags, 0, 2);
    tcase_add_test(tc, an_mp3_inside_a_wav_is_an_mp3);
    tcase_add_test(tc, one_sample_is_a_recording);
    tcase_add_loop_test(tc, every_allocation_may_fail, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
