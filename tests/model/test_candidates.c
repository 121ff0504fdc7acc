#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "audio/count.h"
#include "model/candidates.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { MANY = 400 };

/* How scores may lie: what is told to candidates_start(), and what comes. */
static const struct {
    double threshold, top; /* as told */
    double from, span;     /* as they come */
    int different;         /* values; 0: any */
} scores_of[] = {
    {-12.0, 0.0, -14.0, 14.0, 0},           /* as told, some below */
    {-12.0, 0.0, -14.0, 14.0, 5},           /* many ties */
    {-12.0, 0.0, 3.0, 40.0, 0},             /* all above the top */
    {-DBL_MAX, 0.0, -1000.0, 1000.0, 0},    /* mostly below the bins */
    {-INFINITY, -INFINITY, -3.0, 3.0, 0},   /* nothing known */
    {-7.0, -7.0, -7.0, 2.0, 3},             /* no room between threshold and top */
    {-1e38, -1e38 / 2, -1e38, 1e38, 0},     /* absurd, but numbers */
    {-3e5 - 12.0, -3e5, -3e5 - 10, 9.0, 0}, /* an hour of frames */
};

static double some_score(size_t kind)
{
    int different = scores_of[kind].different, r = rand();
    double share = different ? (double)(r % different) / different : r / (double)RAND_MAX;
    return r % 50 == 0 ? -INFINITY : scores_of[kind].from + share * scores_of[kind].span;
}

/* Whether fewer than `width` of scores[n] go before the one at `at`. */
static bool has_a_place(const double *scores, size_t n, size_t at, size_t width)
{
    size_t better = 0;
    for (size_t i = 0; i < n; i++)
        better += scores[i] > scores[at] || (scores[i] == scores[at] && i < at);
    return better < width;
}

static void check_against_sorting(size_t kind, size_t width)
{
    struct candidates c;
    double scores[MANY];
    size_t kept = 0;

    ck_assert_int_eq(candidates_init(&c, width, NULL), ASR_OK);
    for (int frame = 0; frame < 2; frame++) { /* nothing is left of the one before */
        candidates_start(&c, scores_of[kind].threshold, scores_of[kind].top);
        for (uint32_t i = 0; i < MANY; i++) {
            scores[i] = some_score(kind);
            if (scores[i] > c.threshold)
                candidates_add(&c, scores[i])->entry = i;
        }
        candidates_cut(&c);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        if (scores[i] <= scores_of[kind].threshold || !has_a_place(scores, MANY, i, width))
            continue;
        ck_assert_uint_lt(kept, c.n);
        ck_assert_uint_eq(c.items[kept].entry, i);
        ck_assert(c.scores[kept++] == scores[i]);
    }
    ck_assert_uint_eq(kept, c.n);
    candidates_free(&c);
}

START_TEST(what_is_kept_is_what_sorting_all_would_keep)
    {
        srand(7 + (unsigned)_i);
        for (size_t width = 1; width <= 40; width++)
            check_against_sorting((size_t)_i, width);
    }
END_TEST

START_TEST(the_threshold_rises_before_the_room_is_full)
    {
        enum { WIDTH = 32 };
        struct candidates c;

        ck_assert_int_eq(candidates_init(&c, WIDTH, NULL), ASR_OK);
        candidates_start(&c, -12.0, 0.0);
        for (uint32_t i = 0; i < WIDTH; i++)
            candidates_add(&c, -10.0)->entry = i;
        ck_assert_double_lt(c.threshold, -10.0); /* equals may still come */
        ck_assert_double_gt(c.threshold, -10.5);
        for (uint32_t i = 0; i < WIDTH; i++)
            candidates_add(&c, -2.0)->entry = i;
        ck_assert_double_lt(c.threshold, -2.0);
        ck_assert_double_gt(c.threshold, -2.5);
        candidates_free(&c);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct candidates c;
            fail_alloc(nth++);
            st = candidates_init(&c, 3, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (c.items != NULL));
            candidates_free(&c);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 5); /* four lists seen to fail, then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("candidates");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, what_is_kept_is_what_sorting_all_would_keep, 0, COUNT(scores_of));
    tcase_add_test(tc, the_threshold_rises_before_the_room_is_full);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
