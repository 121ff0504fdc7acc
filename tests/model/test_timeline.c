#include <math.h>
#include <stdint.h>

#include "model/timeline.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { TOKENS = 4, BLANK = 1, SEPARATOR = 2 };

static struct timeline timeline;

static void set_up(void)
{
    timeline_begin(&timeline, TOKENS, BLANK, SEPARATOR);
}

static void tear_down(void)
{
    timeline_free(&timeline);
}

/* Rows that can be told apart. */
static void lay(size_t begin, size_t frames)
{
    float rows[100 * TOKENS];

    ck_assert_uint_le(frames, 100);
    for (size_t k = 0; k < frames * TOKENS; k++)
        rows[k] = -(float)(begin * TOKENS + k) - 1;
    ck_assert_int_eq(timeline_lay(&timeline, begin, rows, frames, NULL), ASR_OK);
}

static const float *row(size_t frame)
{
    ck_assert_uint_lt(frame, timeline.frames);
    return timeline.log_posteriors + frame * TOKENS;
}

static double probability(size_t frame, size_t token)
{
    return exp((double)row(frame)[token]);
}

static void check_laid(size_t begin, size_t end)
{
    for (size_t t = begin; t < end; t++)
        for (size_t k = 0; k < TOKENS; k++)
            ck_assert_float_eq(row(t)[k], -(float)(t * TOKENS + k) - 1);
}

static void check_blank(size_t begin, size_t end)
{
    for (size_t t = begin; t < end; t++)
        for (size_t k = 0; k < TOKENS; k++) {
            ck_assert(isfinite(row(t)[k]));
            ck_assert_double_eq_tol(probability(t, k), k == BLANK, 1e-9);
        }
}

START_TEST(pieces_stand_where_they_were_laid)
    {
        lay(0, 5);
        lay(5, 7);
        lay(30, 1);
        ck_assert_uint_eq(timeline.frames, 31);
        check_laid(0, 12);
        check_laid(30, 31);
    }
END_TEST

START_TEST(before_and_behind_all_pieces_are_certain_blanks)
    {
        lay(20, 5);
        ck_assert_int_eq(timeline_extend(&timeline, 50, NULL), ASR_OK);
        ck_assert_uint_eq(timeline.frames, 50);
        check_blank(0, 20);
        check_laid(20, 25);
        check_blank(25, 50);
    }
END_TEST

START_TEST(a_word_probably_ends_in_a_pause_between_pieces)
    {
        lay(0, 5);
        lay(15, 5);
        check_blank(5, 10);
        ck_assert_double_gt(probability(10, SEPARATOR), probability(10, BLANK));
        ck_assert_double_gt(probability(10, BLANK), 0.1);
        ck_assert_double_eq_tol(probability(10, SEPARATOR) + probability(10, BLANK), 1, 1e-6);
        check_blank(11, 15);
        check_laid(15, 20);
    }
END_TEST

START_TEST(a_word_may_go_on_over_a_cut_without_a_pause)
    {
        lay(0, 5);
        lay(5, 5);
        check_laid(0, 10);
    }
END_TEST

START_TEST(extending_to_less_changes_nothing)
    {
        lay(0, 5);
        ck_assert_int_eq(timeline_extend(&timeline, 3, NULL), ASR_OK);
        ck_assert_uint_eq(timeline.frames, 5);
        check_laid(0, 5);
    }
END_TEST

START_TEST(a_new_recording_begins_empty_even_with_other_tokens)
    {
        lay(0, 50);
        timeline_begin(&timeline, 2 * TOKENS, BLANK, SEPARATOR);
        ck_assert_uint_eq(timeline.frames, 0);
        ck_assert_int_eq(timeline_extend(&timeline, 60, NULL), ASR_OK);
        ck_assert_float_eq(timeline.log_posteriors[59 * 2 * TOKENS + BLANK], 0);
    }
END_TEST

START_TEST(sizes_that_overflow_are_refused)
    {
        static const float values[TOKENS];
        struct asr_error err;
        ck_assert_int_eq(timeline_extend(&timeline, SIZE_MAX / 2, &err), ASR_ERR_LIMIT);
        ck_assert_int_eq(timeline_lay(&timeline, SIZE_MAX, values, 1, &err), ASR_ERR_LIMIT);
        ck_assert_uint_eq(timeline.frames, 0);
    }
END_TEST

START_TEST(memory_that_is_not_there_leaves_what_was_laid)
    {
        float rows[1000 * TOKENS] = {0};
        lay(0, 5);
        fail_alloc(0);
        enum asr_status st = timeline_lay(&timeline, 5, rows, 1000, NULL);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_ERR_NOMEM);
        ck_assert_uint_eq(timeline.frames, 5);
        check_laid(0, 5);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("timeline");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, pieces_stand_where_they_were_laid);
    tcase_add_test(tc, before_and_behind_all_pieces_are_certain_blanks);
    tcase_add_test(tc, a_word_probably_ends_in_a_pause_between_pieces);
    tcase_add_test(tc, a_word_may_go_on_over_a_cut_without_a_pause);
    tcase_add_test(tc, extending_to_less_changes_nothing);
    tcase_add_test(tc, a_new_recording_begins_empty_even_with_other_tokens);
    tcase_add_test(tc, sizes_that_overflow_are_refused);
    tcase_add_test(tc, memory_that_is_not_there_leaves_what_was_laid);
    suite_add_tcase(s, tc);
    return s;
}
