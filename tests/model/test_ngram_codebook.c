/* Quantisation. The outside witness is Max 1960, "Quantizing for minimum distortion", table I: the
 * best levels for a normal distribution and their mean squared errors. */
#include "model/ngram_codebook.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { SAMPLES = 40000 };
static float samples[SAMPLES];

/* The normal distribution's quantiles, evenly spread: sample i has (i + 0.5) / SAMPLES below it. */
static void normal_samples(void)
{
    double x = -6;
    for (size_t i = 0; i < SAMPLES; i++) {
        double step = 0.5;
        while (step > 1e-7) {
            if (0.5 * erfc(-(x + step) / sqrt(2)) < ((double)i + 0.5) / SAMPLES)
                x += step;
            else
                step /= 2;
        }
        samples[i] = (float)x;
    }
}

static double mean_squared_error(const struct ngram_codebook *book, const float *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double error = values[i] - book->values[ngram_codebook_code(book, values[i])];
        sum += error * error;
    }
    return sum / (double)n;
}

START_TEST(levels_for_a_normal_distribution_are_maxs)
    {
        /* 2 bits hold three levels beside the reserved value, 3 bits seven. */
        static const struct {
            unsigned bits;
            double positive[3]; /* and their negatives, and 0 */
            double error;
        } max[] = {{2, {1.224}, 0.1902}, {3, {0.5606, 1.188, 2.033}, 0.04400}};
        struct ngram_codebook book;
        const unsigned n = (1U << max[_i].bits) - 1;

        normal_samples();
        ck_assert_int_eq(ngram_codebook_fit(&book, samples, SAMPLES, max[_i].bits, 99, NULL),
                         ASR_OK);
        ck_assert_uint_eq(book.n_values, n + 1);
        ck_assert_float_eq(book.values[0], 99);
        ck_assert_float_eq_tol(book.values[1 + n / 2], 0, 0.01);
        for (unsigned i = 0; i < n / 2; i++) {
            ck_assert_float_eq_tol(book.values[2 + n / 2 + i], max[_i].positive[i], 0.01);
            ck_assert_float_eq_tol(book.values[n / 2 - i], -max[_i].positive[i], 0.01);
        }
        ck_assert_double_eq_tol(mean_squared_error(&book, samples, SAMPLES), max[_i].error, 0.001);
        ngram_codebook_free(&book);
    }
END_TEST

START_TEST(few_different_values_are_kept_exactly)
    {
        float values[] = {-3, -1.5f, -3, -0.25f, -1.5f, -3, -7};
        struct ngram_codebook book;
        ck_assert_int_eq(ngram_codebook_fit(&book, values, COUNT(values), 8, NAN, NULL), ASR_OK);
        ck_assert_uint_eq(book.n_values, 5);
        for (size_t i = 0; i < COUNT(values); i++)
            ck_assert_float_eq(book.values[ngram_codebook_code(&book, values[i])], values[i]);
        ngram_codebook_free(&book);
    }
END_TEST

START_TEST(no_samples_leave_the_reserved_value)
    {
        struct ngram_codebook book;
        ck_assert_int_eq(ngram_codebook_fit(&book, NULL, 0, 8, 0, NULL), ASR_OK);
        ck_assert_uint_eq(book.n_values, 1);
        ngram_codebook_free(&book);
    }
END_TEST

START_TEST(a_value_gets_the_nearest_level)
    {
        struct ngram_codebook book;
        normal_samples();
        ck_assert_int_eq(ngram_codebook_fit(&book, samples, SAMPLES, 6, NAN, NULL), ASR_OK);
        for (float value = -5; value < 5; value += 0.01f) {
            uint32_t code = ngram_codebook_code(&book, value);
            for (uint32_t other = 1; other < book.n_values; other++)
                ck_assert_float_le(fabsf(book.values[code] - value),
                                   fabsf(book.values[other] - value) + 1e-6f);
        }
        ngram_codebook_free(&book);
    }
END_TEST

START_TEST(no_level_equals_the_reserved_value)
    {
        /* +-1 to +-20: the middle one of three levels has mean 0. */
        float values[40];
        struct ngram_codebook book;
        for (int i = 0; i < 20; i++) {
            values[i] = (float)(i - 20);
            values[20 + i] = (float)(i + 1);
        }
        ck_assert_int_eq(ngram_codebook_fit(&book, values, COUNT(values), 2, 0, NULL), ASR_OK);
        for (uint32_t i = 1; i < book.n_values; i++)
            ck_assert_float_ne(book.values[i], 0);
        ngram_codebook_free(&book);
    }
END_TEST

START_TEST(an_outlier_does_not_spoil_the_rest)
    {
        /* <s> has -99 in most files. */
        struct ngram_codebook with, without;
        normal_samples();
        ck_assert_int_eq(ngram_codebook_fit(&without, samples, SAMPLES, 8, NAN, NULL), ASR_OK);
        double fair = mean_squared_error(&without, samples, SAMPLES);
        samples[0] = -99;
        ck_assert_int_eq(ngram_codebook_fit(&with, samples, SAMPLES, 8, NAN, NULL), ASR_OK);
        ck_assert_float_eq(with.values[ngram_codebook_code(&with, -99)], -99);
        ck_assert_double_le(mean_squared_error(&with, samples, SAMPLES), 1.1 * fair);
        ngram_codebook_free(&with);
        ngram_codebook_free(&without);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;
        normal_samples();
        do {
            struct ngram_codebook book = {0};
            fail_alloc(nth++);
            st = ngram_codebook_fit(&book, samples, SAMPLES, 4, NAN, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (book.values != NULL));
            ngram_codebook_free(&book);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 8); /* the levels, two arrays to fit them, four of the histogram */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ngram_codebook");
    TCase *t = tcase_create("fit");
    tcase_add_loop_test(t, levels_for_a_normal_distribution_are_maxs, 0, 2);
    tcase_add_test(t, few_different_values_are_kept_exactly);
    tcase_add_test(t, no_samples_leave_the_reserved_value);
    tcase_add_test(t, a_value_gets_the_nearest_level);
    tcase_add_test(t, no_level_equals_the_reserved_value);
    tcase_add_test(t, an_outlier_does_not_spoil_the_rest);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    return s;
}
