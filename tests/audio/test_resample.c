/* The witness is arithmetic: a sine resampled is the same sine, sampled elsewhere. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/resample.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { OUT_HZ = 16000 };
static const double SECONDS = 0.5, TONE_HZ = 1000;

/* One step of 16 bits: half of it for the rounding of the output, the rest for the filter. */
static const float TOLERANCE = 1.0f / 32768;

static double tone(size_t sample, unsigned rate_hz)
{
    const double pi = 3.14159265358979323846;
    return 0.5 * sin(2.0 * pi * TONE_HZ * (double)sample / rate_hz);
}

/* Half a second of the tone through a resampler, pushed in pieces: free(). */
static float *resample(unsigned in_hz, size_t piece, size_t *samples)
{
    size_t n = (size_t)(SECONDS * in_hz), produced, room = OUT_HZ;
    float *in = malloc(n * sizeof(*in)), *out = malloc(room * sizeof(*out));
    struct resampler *rs;

    ck_assert(in && out);
    for (size_t i = 0; i < n; i++)
        in[i] = (float)tone(i, in_hz);
    ck_assert_int_eq(resampler_new(&rs, in_hz, OUT_HZ, NULL), ASR_OK);
    *samples = 0;
    for (size_t at = 0; at < n; at += piece) {
        size_t take = n - at < piece ? n - at : piece, most = resampler_max_output(rs, take);
        ck_assert_uint_le(*samples + most, room);
        ck_assert_int_eq(resampler_push(rs, in + at, take, out + *samples, &produced, NULL),
                         ASR_OK);
        ck_assert_uint_le(produced, most);
        *samples += produced;
    }
    size_t most = resampler_max_output(rs, 0);
    ck_assert_uint_le(*samples + most, room);
    ck_assert_int_eq(resampler_flush(rs, out + *samples, &produced, NULL), ASR_OK);
    ck_assert_uint_le(produced, most);
    *samples += produced;
    resampler_free(rs);
    free(in);
    return out;
}

static const unsigned rates_hz[] = {8000, 11025, 16000, 22050, 44100, 48000};

START_TEST(a_tone_stays_that_tone_at_that_time)
    {
        enum { EDGE = 400 }; /* samples: the filter reaches past the ends, where there is nothing */
        size_t samples;
        float *out = resample(rates_hz[_i], 1000, &samples);

        ck_assert_uint_ge(samples + 1, (size_t)(SECONDS * OUT_HZ));
        ck_assert_uint_le(samples, (size_t)(SECONDS * OUT_HZ) + 1);
        for (size_t i = EDGE; i < samples - EDGE; i++)
            ck_assert_float_eq_tol(out[i], tone(i, OUT_HZ), TOLERANCE);
        free(out);
    }
END_TEST

START_TEST(pieces_of_any_size_give_the_whole)
    {
        static const size_t pieces[] = {1, 7, 160, 4000};
        size_t rate = (size_t)_i / COUNT(pieces), samples, cut_samples;
        float *whole = resample(rates_hz[rate], SIZE_MAX, &samples);
        float *cut = resample(rates_hz[rate], pieces[(size_t)_i % COUNT(pieces)], &cut_samples);

        ck_assert_uint_eq(samples, cut_samples);
        for (size_t i = 0; i < samples; i++)
            ck_assert_float_eq_tol(cut[i], whole[i], TOLERANCE);
        free(cut);
        free(whole);
    }
END_TEST

START_TEST(nothing_in_gives_nothing_out)
    {
        struct resampler *rs;
        float out[64];
        size_t produced = 1;
        ck_assert_int_eq(resampler_new(&rs, 8000, OUT_HZ, NULL), ASR_OK);
        ck_assert_uint_le(resampler_max_output(rs, 0), COUNT(out));
        ck_assert_int_eq(resampler_flush(rs, out, &produced, NULL), ASR_OK);
        ck_assert_uint_eq(produced, 0);
        resampler_free(rs);
    }
END_TEST

START_TEST(a_rate_of_zero_is_refused)
    {
        struct resampler *rs;
        struct asr_error err;
        ck_assert_int_eq(resampler_new(&rs, _i == 0 ? 0 : 8000, _i == 0 ? 8000 : 0, &err),
                         ASR_ERR_INVALID);
        ck_assert_ptr_null(rs);
        ck_assert_ptr_nonnull(strstr(err.text, "0 Hz"));
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct resampler *rs;
        fail_alloc(0);
        ck_assert_int_eq(resampler_new(&rs, 8000, OUT_HZ, NULL), ASR_ERR_NOMEM);
        fail_alloc(-1);
        ck_assert_ptr_null(rs);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("resample");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, a_tone_stays_that_tone_at_that_time, 0, COUNT(rates_hz));
    tcase_add_loop_test(tc, pieces_of_any_size_give_the_whole, 0, COUNT(rates_hz) * 4);
    tcase_add_test(tc, nothing_in_gives_nothing_out);
    tcase_add_loop_test(tc, a_rate_of_zero_is_refused, 0, 2);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
