/* The witnesses are PyTorch's ctc_loss (tests/data/ctc_align_golden.py) and, for the best path, a
 * walk over every path there is. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/ctc_align.h"
#include "tests/data/ctc_align_golden.inc"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { TRELLIS_BYTES = 1 << 20 };

static const struct golden {
    const float *posteriors;
    size_t frames, n_tokens;
    const uint32_t *labels;
    size_t n_labels;
    double total;
} golden[] = CASES;

static struct ctc_problem problem_of(const struct golden *g)
{
    return (struct ctc_problem){.log_posteriors = g->posteriors,
                                .frames = g->frames,
                                .n_tokens = g->n_tokens,
                                .blank = 0,
                                .labels = g->labels,
                                .n_labels = g->n_labels};
}

START_TEST(the_total_equals_pytorchs_ctc_loss)
    {
        struct ctc_problem p = problem_of(&golden[_i]);
        struct asr_error err;
        double total;

        ck_assert_int_eq(ctc_total_log_probability(&p, &total, &err), ASR_OK);
        if (isinf(golden[_i].total))
            ck_assert(isinf(total) && total < 0);
        else
            ck_assert_double_eq_tol(total, golden[_i].total, 1e-5);
    }
END_TEST

/* Folds a path into labels; true if they are the problem's. */
static bool path_spells(const struct ctc_problem *p, const uint32_t *path)
{
    size_t n = 0;
    for (size_t t = 0; t < p->frames; t++) {
        if (path[t] == p->blank || (t > 0 && path[t] == path[t - 1]))
            continue;
        if (n == p->n_labels || p->labels[n] != path[t])
            return false;
        n++;
    }
    return n == p->n_labels;
}

/* Every path through frames x tokens: the best that spells the labels, and the sum of them all. */
static void walk_every_path(const struct ctc_problem *p, double *best, double *total)
{
    uint32_t path[8] = {0};
    double sum = 0.0;

    *best = -INFINITY;
    ck_assert_uint_le(p->frames, COUNT(path));
    for (;;) {
        double score = 0.0;
        for (size_t t = 0; t < p->frames; t++)
            score += p->log_posteriors[t * p->n_tokens + path[t]];
        if (path_spells(p, path)) {
            sum += exp(score);
            *best = score > *best ? score : *best;
        }
        size_t t = 0;
        while (t < p->frames && ++path[t] == p->n_tokens)
            path[t++] = 0;
        if (t == p->frames)
            break;
    }
    *total = log(sum);
}

START_TEST(the_alignment_is_the_best_of_all_paths)
    {
        enum { FRAMES = 6, TOKENS = 4 };
        float posteriors[FRAMES * TOKENS];
        uint32_t labels[4];
        struct hypothesis best = {0};
        struct asr_error err;

        srand(7 + (unsigned)_i);
        for (size_t k = 0; k < COUNT(posteriors); k++)
            posteriors[k] = -5.0f * (float)rand() / (float)RAND_MAX;
        for (size_t k = 0; k < COUNT(labels); k++)
            labels[k] = 1 + (uint32_t)rand() % (TOKENS - 1);
        struct ctc_problem p = {posteriors, FRAMES, TOKENS,
                                0,          labels, 1 + (size_t)_i % COUNT(labels)};

        double path, total, found;
        walk_every_path(&p, &path, &total);
        ck_assert_int_eq(ctc_total_log_probability(&p, &found, &err), ASR_OK);
        if (isinf(path)) {
            ck_assert(isinf(found));
            ck_assert_int_eq(ctc_align(&p, TRELLIS_BYTES, &best, &err), ASR_ERR_INVALID);
        } else {
            ck_assert_double_eq_tol(found, total, 1e-9);
            ck_assert_int_eq(ctc_align(&p, TRELLIS_BYTES, &best, &err), ASR_OK);
            ck_assert_double_eq_tol(best.log_probability, path, 1e-9);
        }
        hypothesis_free(&best);
    }
END_TEST

/* One token is certain in each frame: _ _ a a _ b b b _ (0 is the blank). */
static const uint32_t certain_path[] = {0, 0, 1, 1, 0, 2, 2, 2, 0};

static void fill_certain(float *posteriors)
{
    for (size_t t = 0; t < COUNT(certain_path); t++)
        for (size_t k = 0; k < 3; k++)
            posteriors[t * 3 + k] = k == certain_path[t] ? -0.1f * (float)(1 + t) : -20.0f;
}

START_TEST(runs_of_frames_are_where_the_labels_are_and_not_in_the_silence)
    {
        float posteriors[COUNT(certain_path) * 3];
        const uint32_t labels[] = {1, 2};
        struct hypothesis h = {0};
        struct asr_error err;

        fill_certain(posteriors);
        struct ctc_problem p = {posteriors, COUNT(certain_path), 3, 0, labels, COUNT(labels)};
        ck_assert_int_eq(ctc_align(&p, TRELLIS_BYTES, &h, &err), ASR_OK);
        ck_assert_uint_eq(h.n_tokens, 2);
        ck_assert_uint_eq(h.tokens[0].first_frame, 2);
        ck_assert_uint_eq(h.tokens[0].last_frame, 3);
        ck_assert_uint_eq(h.tokens[1].first_frame, 5);
        ck_assert_uint_eq(h.tokens[1].last_frame, 7);
        ck_assert_float_eq_tol(h.tokens[0].log_posterior, -0.3f, 1e-6f);
        ck_assert_float_eq_tol(h.tokens[1].log_posterior, -0.6f, 1e-6f);
        hypothesis_free(&h);
    }
END_TEST

START_TEST(a_text_too_long_for_the_recording_is_refused_with_both_numbers)
    {
        const float posteriors[3 * 3] = {0};
        const uint32_t labels[] = {1, 1, 2};
        struct ctc_problem p = {posteriors, 3, 3, 0, labels, COUNT(labels)};
        struct hypothesis h = {0};
        struct asr_error err;

        ck_assert_uint_eq(ctc_min_frames(labels, COUNT(labels)), 4);
        ck_assert_int_eq(ctc_align(&p, TRELLIS_BYTES, &h, &err), ASR_ERR_INVALID);
        ck_assert_str_eq(err.text, "the text needs at least 4 frames, the recording has 3");
        hypothesis_free(&h);
    }
END_TEST

START_TEST(labels_that_are_no_tokens_are_refused)
    {
        const float posteriors[3 * 3] = {0};
        const uint32_t labels[] = {_i == 0 ? 0 : 3};
        struct ctc_problem p = {posteriors, 3, 3, 0, labels, 1};
        struct hypothesis h = {0};
        struct asr_error err;
        double total;

        ck_assert_int_eq(ctc_align(&p, TRELLIS_BYTES, &h, &err), ASR_ERR_INVALID);
        ck_assert_int_eq(ctc_total_log_probability(&p, &total, &err), ASR_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, _i == 0 ? "blank" : "3 tokens"));
        hypothesis_free(&h);
    }
END_TEST

START_TEST(a_trellis_over_the_limit_is_refused_before_memory_is_asked_for)
    {
        struct ctc_problem p = problem_of(&golden[8]);
        struct hypothesis h = {0};
        struct asr_error err;
        size_t row_bytes = (2 * p.n_labels + 1 + 3) / 4;

        ck_assert_int_eq(ctc_align(&p, p.frames * row_bytes - 1, &h, &err), ASR_ERR_LIMIT);
        ck_assert_int_eq(ctc_align(&p, p.frames * row_bytes, &h, &err), ASR_OK);
        hypothesis_free(&h);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct ctc_problem p = problem_of(&golden[8]);
        enum asr_status st;
        long nth = 0;

        do {
            struct hypothesis h = {0};
            fail_alloc(nth++);
            st = ctc_align(&p, TRELLIS_BYTES, &h, NULL);
            fail_alloc(-1);
            hypothesis_free(&h);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 5); /* the tokens, two rows, the moves; then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ctc_align");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, the_total_equals_pytorchs_ctc_loss, 0, COUNT(golden));
    tcase_add_loop_test(tc, the_alignment_is_the_best_of_all_paths, 0, 40);
    tcase_add_test(tc, runs_of_frames_are_where_the_labels_are_and_not_in_the_silence);
    tcase_add_test(tc, a_text_too_long_for_the_recording_is_refused_with_both_numbers);
    tcase_add_loop_test(tc, labels_that_are_no_tokens_are_refused, 0, 2);
    tcase_add_test(tc, a_trellis_over_the_limit_is_refused_before_memory_is_asked_for);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
