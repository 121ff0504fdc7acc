/* The witness is an independent float64 program's features of the same recordings
 * (tests/data/README.md, golden/). */
#include <math.h>
#include <sndfile.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/fbank.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/shipped_fbank.h"
#include "tests/support/suite.h"

/* A 16 kHz mono recording, read with libsndfile alone; free(). */
static float *read_recording(const char *path, size_t *samples)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    ck_assert_msg(file != NULL, "%s: %s", path, sf_strerror(NULL));
    float *out = malloc((size_t)info.frames * sizeof(*out));
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(sf_readf_float(file, out, info.frames), info.frames);
    sf_close(file);
    *samples = (size_t)info.frames;
    return out;
}

/* Pushes samples in pieces of `piece`; returns features[*frames, bins]: free(). */
static float *compute(const struct fbank_config *config, const float *in, size_t samples,
                      size_t piece, size_t *frames)
{
    struct asr_error err = {0};
    struct fbank *fb;
    struct fbank_work *work;
    struct fbank_state *state;

    ck_assert_msg(fbank_new(&fb, config, &err) == ASR_OK, "%s", err.text);
    ck_assert_int_eq(fbank_work_new(&work, fb, &err), ASR_OK);
    ck_assert_int_eq(fbank_state_new(&state, fb, &err), ASR_OK);
    size_t want = fbank_frames(fb, samples), bins = fbank_bins(fb);
    float *out = malloc((want + 1) * bins * sizeof(*out));
    ck_assert_ptr_nonnull(out);
    *frames = 0;
    for (size_t at = 0; at < samples; at += piece) {
        size_t n = samples - at < piece ? samples - at : piece;
        size_t ready = fbank_frames_ready(fb, state, n);
        ck_assert_uint_le(*frames + ready, want);
        ck_assert_uint_eq(fbank_push(fb, work, state, in + at, n, out + *frames * bins), ready);
        *frames += ready;
    }
    ck_assert_uint_eq(*frames, want);
    fbank_state_free(state);
    fbank_work_free(work);
    fbank_free(fb);
    return out;
}

START_TEST(features_equal_the_float64_reference)
    {
        static const char *const recordings[] = {"tests/data/golden/read16k.61-70968-0025.flac",
                                                 "tests/data/golden/read16k.4077-13751-0001.flac"};
        char path[128];
        size_t samples, frames;

        snprintf(path, sizeof(path), "%s.features.npy", recordings[_i]);
        struct npy golden = npy_read(path);
        float *in = read_recording(recordings[_i], &samples);
        float *out = compute(&shipped_fbank, in, samples, samples, &frames);
        ck_assert_uint_eq(frames, golden.rows);
        ck_assert_uint_eq(shipped_fbank.num_mel_bins, golden.cols);
        float worst = 0.0f;
        for (size_t k = 0; k < frames * golden.cols; k++)
            worst = fmaxf(worst, fabsf(out[k] - golden.values[k]));
        ck_assert_float_le(worst, 2e-3f);
        free(out);
        free(in);
        free(golden.values);
    }
END_TEST

START_TEST(pieces_of_any_size_give_the_whole_bit_for_bit)
    {
        static const size_t pieces[] = {1, 7, 159, 160, 161, 399, 400, 401, 5000};
        struct fbank_config config = shipped_fbank;
        size_t samples, frames, cut_frames;
        float *in = read_recording("tests/data/golden/read16k.61-70968-0025.flac", &samples);

        if (_i % 2) /* a gap between frames */
            config.frame_shift_ms = 31;
        float *whole = compute(&config, in, samples, samples, &frames);
        float *cut = compute(&config, in, samples, pieces[_i / 2], &cut_frames);
        ck_assert_uint_eq(frames, cut_frames);
        ck_assert_mem_eq(whole, cut, frames * config.num_mel_bins * sizeof(*whole));
        free(cut);
        free(whole);
        free(in);
    }
END_TEST

START_TEST(frames_are_counted_as_kaldi_does)
    {
        struct fbank *fb;
        ck_assert_int_eq(fbank_new(&fb, &shipped_fbank, NULL), ASR_OK);
        ck_assert_uint_eq(fbank_frames(fb, 0), 0);
        ck_assert_uint_eq(fbank_frames(fb, 399), 0);
        ck_assert_uint_eq(fbank_frames(fb, 400), 1);
        ck_assert_uint_eq(fbank_frames(fb, 559), 1);
        ck_assert_uint_eq(fbank_frames(fb, 560), 2);
        ck_assert_uint_eq(fbank_frames(fb, 16000), 98);
        fbank_free(fb);
    }
END_TEST

START_TEST(silence_gives_the_floor)
    {
        float in[1000] = {0};
        size_t frames;
        float *out = compute(&shipped_fbank, in, COUNT(in), COUNT(in), &frames);
        for (size_t k = 0; k < frames * shipped_fbank.num_mel_bins; k++)
            ck_assert_float_eq(out[k], logf((float)shipped_fbank.log_floor));
        free(out);
    }
END_TEST

static const struct bad_config {
    const char *key;
    size_t at; /* of the double or size_t that is spoilt */
    double value;
    size_t count;
} bad_configs[] = {
#define VALUE(key, field, value)                                                                   \
    {                                                                                              \
        "features." key, offsetof(struct fbank_config, field), value, 0                            \
    }
#define SIZE(key, field, count)                                                                    \
    {                                                                                              \
        "features." key, offsetof(struct fbank_config, field), 0, count                            \
    }
    VALUE("frame_shift_ms", frame_shift_ms, 0.01),
    VALUE("frame_shift_ms", frame_shift_ms, -10),
    VALUE("frame_shift_ms", frame_shift_ms, NAN),
    VALUE("frame_shift_ms", frame_shift_ms, INFINITY),
    VALUE("frame_length_ms", frame_length_ms, 0),
    VALUE("frame_length_ms", frame_length_ms, -25),
    VALUE("frame_length_ms", frame_length_ms, NAN),
    VALUE("frame_length_ms", frame_length_ms, 1e300),
    VALUE("fft_size", frame_length_ms, 32.1), /* 513 samples */
    SIZE("fft_size", fft_size, 256),
    SIZE("fft_size", fft_size, 1 << 20),
    SIZE("num_mel_bins", num_mel_bins, 0),
    SIZE("num_mel_bins", num_mel_bins, SIZE_MAX),
    SIZE("num_mel_bins", num_mel_bins, 200), /* triangles narrower than a line */
    VALUE("low_freq", low_freq_hz, 8000),
    VALUE("low_freq", low_freq_hz, -1),
    VALUE("low_freq", low_freq_hz, NAN),
    VALUE("low_freq", high_freq_hz, -7990), /* 10 Hz, under low_freq */
    VALUE("high_freq", high_freq_hz, 8001),
    VALUE("log_floor", log_floor, 0),
    VALUE("log_floor", log_floor, NAN),
    VALUE("sample_scale", sample_scale, 0),
    VALUE("sample_scale", sample_scale, INFINITY),
    VALUE("preemphasis", preemphasis, 1.5),
    VALUE("preemphasis", preemphasis, NAN),
#undef VALUE
#undef SIZE
};

START_TEST(a_config_that_cannot_be_is_refused_by_key)
    {
        const struct bad_config *bad = &bad_configs[_i];
        struct fbank_config c = shipped_fbank;
        struct fbank *fb;
        struct asr_error err;
        bool is_size = bad->at == offsetof(struct fbank_config, fft_size) ||
                       bad->at == offsetof(struct fbank_config, num_mel_bins);

        if (is_size)
            memcpy((char *)&c + bad->at, &bad->count, sizeof(bad->count));
        else
            memcpy((char *)&c + bad->at, &bad->value, sizeof(bad->value));
        ck_assert_int_eq(fbank_new(&fb, &c, &err), ASR_ERR_INVALID);
        ck_assert_ptr_null(fb);
        ck_assert_msg(strncmp(err.text, bad->key, strlen(bad->key)) == 0, "%s", err.text);
    }
END_TEST

START_TEST(a_rate_of_zero_is_refused)
    {
        struct fbank_config c = shipped_fbank;
        struct fbank *fb;
        struct asr_error err;
        c.sample_rate_hz = 0;
        ck_assert_int_eq(fbank_new(&fb, &c, &err), ASR_ERR_INVALID);
        ck_assert_ptr_null(fb);
        ck_assert_ptr_nonnull(strstr(err.text, "features.sample_rate"));
    }
END_TEST

START_TEST(other_configs_equal_kaldi_native_fbank)
    {
        struct npy golden = npy_read("tests/data/fbank/phone8k-hamming-23.npy");
        struct fbank_config c = shipped_fbank;
        size_t samples, frames;
        float *in = read_recording("tests/data/golden/phone8k.61-70968-0025.wav", &samples);

        c.sample_rate_hz = 8000;
        c.fft_size = 256;
        c.num_mel_bins = 23;
        c.high_freq_hz = -200; /* under the Nyquist frequency */
        c.window = WINDOW_HAMMING;
        c.frame_length_ms = 24.9; /* 199.2 samples: Kaldi takes 199 */
        c.power = false;
        float *out = compute(&c, in, samples, samples, &frames);
        ck_assert_uint_eq(frames, golden.rows);
        ck_assert_uint_eq(c.num_mel_bins, golden.cols);
        for (size_t k = 0; k < frames * golden.cols; k++)
            ck_assert_float_eq_tol(out[k], golden.values[k], 2e-3f);
        free(out);
        free(in);
        free(golden.values);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;
        do {
            struct fbank *fb;
            fail_alloc(nth++);
            st = fbank_new(&fb, &shipped_fbank, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (fb != NULL));
            fbank_free(fb);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 7); /* the struct, three tables, two of the planner's work */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fbank");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, features_equal_the_float64_reference, 0, 2);
    tcase_add_loop_test(tc, pieces_of_any_size_give_the_whole_bit_for_bit, 0, 18);
    tcase_add_test(tc, frames_are_counted_as_kaldi_does);
    tcase_add_test(tc, silence_gives_the_floor);
    tcase_add_test(tc, other_configs_equal_kaldi_native_fbank);
    tcase_add_test(tc, a_rate_of_zero_is_refused);
    tcase_add_loop_test(tc, a_config_that_cannot_be_is_refused_by_key, 0, COUNT(bad_configs));
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
