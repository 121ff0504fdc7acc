/* The witness is a walk over every path through small random posteriors. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/ctc_search.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* Tokens: 0 blank, 1 word separator, 2 and 3 letters. */
enum { FRAMES = 6, TOKENS = 4, BLANK = 0, SEPARATOR = 1 };

static void fill_random(float *posteriors, unsigned seed)
{
    srand(seed);
    for (size_t k = 0; k < FRAMES * TOKENS; k++)
        posteriors[k] = -4.0f * (float)rand() / (float)RAND_MAX;
}

/* Folds path[FRAMES] into text, "." for the separator, with one ahead and one behind. */
static void spell(const uint32_t *path, char *text)
{
    size_t n = 0;
    text[n++] = '.';
    for (size_t t = 0; t < FRAMES; t++)
        if (path[t] != BLANK && (t == 0 || path[t] != path[t - 1]))
            text[n++] = path[t] == SEPARATOR ? '.' : (char)('a' + path[t]);
    text[n++] = '.';
    text[n] = '\0';
}

/* Best path that has the phrase as whole words, against the best path of all. */
static double best_difference(const float *posteriors, const uint32_t *labels, size_t n_labels)
{
    uint32_t path[FRAMES] = {0};
    double best = -INFINITY, filler = -INFINITY;
    char text[FRAMES + 3], wanted[FRAMES + 3];
    size_t n = 0;

    wanted[n++] = '.';
    for (size_t i = 0; i < n_labels; i++)
        wanted[n++] = labels[i] == SEPARATOR ? '.' : (char)('a' + labels[i]);
    wanted[n++] = '.';
    wanted[n] = '\0';
    for (;;) {
        double score = 0.0;
        for (size_t t = 0; t < FRAMES; t++)
            score += posteriors[t * TOKENS + path[t]];
        spell(path, text);
        filler = fmax(filler, score);
        if (strstr(text, wanted))
            best = fmax(best, score);
        size_t t = 0;
        while (t < FRAMES && ++path[t] == TOKENS)
            path[t++] = 0;
        if (t == FRAMES)
            return best - filler;
    }
}

START_TEST(the_best_hit_scores_as_the_best_of_all_paths)
    {
        static const uint32_t phrases[][3] = {{2}, {3, 2}, {2, 2}, {2, SEPARATOR, 3}, {3, 3, 2}};
        static const size_t n_labels[] = {1, 2, 2, 3, 3};
        float posteriors[FRAMES * TOKENS];
        struct search_hits found = {0};
        size_t which = (size_t)_i % COUNT(phrases);

        fill_random(posteriors, 100 + (unsigned)_i);
        struct ctc_problem p = {posteriors, FRAMES, TOKENS, BLANK, phrases[which], n_labels[which]};
        ck_assert_int_eq(ctc_search(&p, SEPARATOR, 0.0, &found, NULL), ASR_OK);
        double best = 0.0;
        for (size_t i = 0; i < found.n_hits; i++)
            best = fmax(best, found.hits[i].score);
        double witness = best_difference(posteriors, p.labels, p.n_labels);
        ck_assert_double_eq_tol(best, exp(witness / (double)p.n_labels), 1e-6);
        search_hits_free(&found);
    }
END_TEST

/* One token a frame is certain, as in "_ c . d d _ . c _ c ." */
static const uint32_t said[] = {0, 2, 1, 3, 3, 0, 1, 2, 0, 2, 1};

static void fill_said(float *posteriors)
{
    for (size_t t = 0; t < COUNT(said); t++)
        for (size_t k = 0; k < TOKENS; k++)
            posteriors[t * TOKENS + k] = k == said[t] ? -0.01f : -9.0f;
}

START_TEST(what_was_said_is_found_where_it_was_said_with_full_score)
    {
        static const uint32_t d[] = {3};
        float posteriors[COUNT(said) * TOKENS];
        struct search_hits found = {0};

        fill_said(posteriors);
        struct ctc_problem p = {posteriors, COUNT(said), TOKENS, BLANK, d, COUNT(d)};
        ck_assert_int_eq(ctc_search(&p, SEPARATOR, 0.5, &found, NULL), ASR_OK);
        ck_assert_uint_eq(found.n_hits, 1);
        ck_assert_uint_eq(found.hits[0].first_frame, 3);
        ck_assert_uint_eq(found.hits[0].last_frame, 4);
        ck_assert_double_eq_tol(found.hits[0].score, 1.0, 1e-9);
        search_hits_free(&found);
    }
END_TEST

START_TEST(a_part_of_a_word_is_no_hit)
    {
        static const uint32_t c[] = {2};
        float posteriors[COUNT(said) * TOKENS];
        struct search_hits found = {0};

        fill_said(posteriors);
        struct ctc_problem p = {posteriors, COUNT(said), TOKENS, BLANK, c, COUNT(c)};
        ck_assert_int_eq(ctc_search(&p, SEPARATOR, 0.5, &found, NULL), ASR_OK);
        ck_assert_uint_eq(found.n_hits, 1); /* the first word, and not half of "cc" */
        ck_assert_uint_eq(found.hits[0].first_frame, 1);
        search_hits_free(&found);
    }
END_TEST

START_TEST(hits_do_not_overlap)
    {
        static const uint32_t c[] = {2};
        float posteriors[FRAMES * TOKENS];
        struct search_hits found = {0};

        fill_random(posteriors, 500 + (unsigned)_i);
        struct ctc_problem p = {posteriors, FRAMES, TOKENS, BLANK, c, COUNT(c)};
        ck_assert_int_eq(ctc_search(&p, SEPARATOR, 0.0, &found, NULL), ASR_OK);
        ck_assert_uint_ge(found.n_hits, 1);
        for (size_t i = 1; i < found.n_hits; i++)
            ck_assert_uint_gt(found.hits[i].first_frame, found.hits[i - 1].last_frame);
        search_hits_free(&found);
    }
END_TEST

START_TEST(phrases_that_cannot_be_are_refused)
    {
        static const uint32_t bad[] = {TOKENS};
        const float posteriors[TOKENS] = {0};
        struct search_hits found = {0};
        struct asr_error err;
        struct ctc_problem p = {posteriors, 1, TOKENS, BLANK, bad, (size_t)_i};

        ck_assert_int_eq(ctc_search(&p, SEPARATOR, 0.5, &found, &err), ASR_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, _i ? "4 tokens" : "empty"));
        search_hits_free(&found);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        static const uint32_t d[] = {3};
        float posteriors[COUNT(said) * TOKENS];
        enum asr_status st;
        long nth = 0;

        fill_said(posteriors);
        struct ctc_problem p = {posteriors, COUNT(said), TOKENS, BLANK, d, COUNT(d)};
        do {
            struct search_hits found = {0};
            fail_alloc(nth++);
            st = ctc_search(&p, SEPARATOR, 0.0, &found, NULL);
            fail_alloc(-1);
            search_hits_free(&found);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 3); /* the rows, the hits; then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ctc_search");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, the_best_hit_scores_as_the_best_of_all_paths, 0, 60);
    tcase_add_test(tc, what_was_said_is_found_where_it_was_said_with_full_score);
    tcase_add_test(tc, a_part_of_a_word_is_no_hit);
    tcase_add_loop_test(tc, hits_do_not_overlap, 0, 20);
    tcase_add_loop_test(tc, phrases_that_cannot_be_are_refused, 0, 2);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
