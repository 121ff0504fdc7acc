#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/keep.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static _Atomic double now_ms;

static double fake_clock(void)
{
    return now_ms;
}

enum { FRAMES = 100, TOKENS = 3 };
static float values[FRAMES * TOKENS];
static struct keep *keep;

/* Of one entry of FRAMES frames: measured, as the entry's own part is none of our business. */
static size_t entry_bytes(void)
{
    const struct posteriors one = {values, FRAMES, TOKENS, 1.5};
    struct asr_error err;

    ck_assert_int_eq(keep_new(&keep, 1 << 20, 1, fake_clock, &err), ASR_OK);
    ck_assert(keep_put(keep, "x", &one));
    size_t n_bytes = keep_bytes(keep);
    keep_free(keep);
    ck_assert_uint_ge(n_bytes, sizeof(values));
    ck_assert_uint_lt(n_bytes, 2 * sizeof(values));
    return n_bytes;
}

static void start(size_t max_bytes, double seconds)
{
    struct asr_error err;

    now_ms = 5000;
    ck_assert_int_eq(keep_new(&keep, max_bytes, seconds, fake_clock, &err), ASR_OK);
}

/* Entries differ in their first value. */
static bool put(const char *id, float first, size_t frames)
{
    const struct posteriors one = {values, frames, TOKENS, 1.5};

    values[0] = first;
    return keep_put(keep, id, &one);
}

static bool has(const char *id, float first)
{
    struct kept *kept = keep_borrow(keep, id);

    if (!kept)
        return false;
    const struct posteriors *posteriors = kept_posteriors(kept);
    ck_assert_uint_eq(posteriors->tokens, TOKENS);
    ck_assert_double_eq(posteriors->duration_seconds, 1.5);
    bool same = posteriors->log_posteriors[0] == first;
    keep_release(keep, kept);
    return same;
}

START_TEST(what_is_kept_is_a_copy_found_by_its_id)
    {
        start(1 << 20, 10);
        for (int i = 0; i < FRAMES * TOKENS; i++)
            values[i] = (float)i;
        ck_assert(put("a", 1, FRAMES));
        ck_assert(put("b", 2, FRAMES));
        memset(values, 0, sizeof(values));
        ck_assert(has("a", 1) && has("b", 2));
        struct kept *kept = keep_borrow(keep, "a");
        ck_assert_uint_eq(kept_posteriors(kept)->frames, FRAMES);
        for (int i = 1; i < FRAMES * TOKENS; i++)
            ck_assert_float_eq(kept_posteriors(kept)->log_posteriors[i], (float)i);
        keep_release(keep, kept);
        ck_assert_ptr_null(keep_borrow(keep, "c"));
        ck_assert_ptr_null(keep_borrow(keep, ""));
        keep_free(keep);
    }
END_TEST

START_TEST(many_ids_are_all_found)
    {
        char id[16];

        start(1 << 20, 10);
        for (int i = 0; i < 3000; i++) {
            snprintf(id, sizeof(id), "request-%d", i);
            ck_assert(put(id, (float)i, 1));
        }
        for (int i = 0; i < 3000; i++) {
            snprintf(id, sizeof(id), "request-%d", i);
            ck_assert(has(id, (float)i));
        }
        keep_free(keep);
    }
END_TEST

START_TEST(the_same_id_is_replaced)
    {
        start(1 << 20, 10);
        ck_assert(put("a", 1, FRAMES));
        size_t n_bytes = keep_bytes(keep);
        ck_assert(put("a", 2, FRAMES));
        ck_assert(has("a", 2));
        ck_assert_uint_eq(keep_bytes(keep), n_bytes);
        keep_free(keep);
    }
END_TEST

START_TEST(a_life_ends_on_time_however_often_it_was_used)
    {
        start(1 << 20, 10);
        ck_assert(put("a", 1, FRAMES));
        now_ms = 14999;
        ck_assert(has("a", 1));
        now_ms = 15000;
        ck_assert(!has("a", 1));
        ck_assert_uint_eq(keep_bytes(keep), 0);
        keep_free(keep);
    }
END_TEST

START_TEST(expired_memory_is_given_back_without_being_asked_for)
    {
        start(1 << 20, 10);
        ck_assert(put("a", 1, FRAMES));
        now_ms = 8000;
        ck_assert(put("b", 2, FRAMES));
        ck_assert(has("a", 1)); /* used last, but put first */
        size_t both = keep_bytes(keep);
        keep_expire(keep);
        ck_assert_uint_eq(keep_bytes(keep), both);
        now_ms = 15000;
        keep_expire(keep);
        ck_assert_uint_eq(keep_bytes(keep), both / 2);
        ck_assert(!has("a", 1) && has("b", 2));
        now_ms = 18000;
        keep_expire(keep);
        ck_assert_uint_eq(keep_bytes(keep), 0);
        keep_free(keep);
    }
END_TEST

START_TEST(the_least_recently_used_is_dropped_first)
    {
        start(3 * entry_bytes(), 10);
        ck_assert(put("a", 1, FRAMES) && put("b", 2, FRAMES) && put("c", 3, FRAMES));
        ck_assert(has("a", 1)); /* b is now the oldest */
        ck_assert(put("d", 4, FRAMES));
        ck_assert(!has("b", 2));
        ck_assert(has("a", 1) && has("c", 3) && has("d", 4));
        ck_assert(put("e", 5, FRAMES) && put("f", 6, FRAMES)); /* a and c go */
        ck_assert(has("d", 4) && has("e", 5) && has("f", 6));
        ck_assert(!has("a", 1) && !has("c", 3));
        keep_free(keep);
    }
END_TEST

START_TEST(the_bound_holds_to_the_byte)
    {
        size_t one = entry_bytes();

        start(one, 10);
        ck_assert(put("a", 1, FRAMES));
        ck_assert_uint_eq(keep_bytes(keep), one);
        ck_assert(!put("b", 2, FRAMES + 1)); /* would never fit: nothing is dropped for it */
        ck_assert(has("a", 1));
        ck_assert(put("b", 2, FRAMES));
        ck_assert(!has("a", 1) && has("b", 2));
        keep_free(keep);
        start(one - 1, 10);
        ck_assert(!put("a", 1, FRAMES));
        ck_assert_uint_eq(keep_bytes(keep), 0);
        keep_free(keep);
    }
END_TEST

START_TEST(what_is_lent_stays_and_counts_until_it_is_back)
    {
        size_t one = entry_bytes();

        start(one, 10);
        ck_assert(put("a", 1, FRAMES));
        struct kept *lent = keep_borrow(keep, "a"), *twice = keep_borrow(keep, "a");
        ck_assert_ptr_nonnull(lent);
        ck_assert(!put("b", 2, FRAMES)); /* a is dropped, but its memory is still in use */
        ck_assert_ptr_null(keep_borrow(keep, "a"));
        ck_assert_float_eq(kept_posteriors(lent)->log_posteriors[0], 1);
        ck_assert_uint_eq(keep_bytes(keep), one);
        keep_release(keep, lent);
        ck_assert_uint_eq(keep_bytes(keep), one);
        keep_release(keep, twice);
        ck_assert_uint_eq(keep_bytes(keep), 0);
        ck_assert(put("b", 2, FRAMES));
        keep_free(keep);
    }
END_TEST

START_TEST(sizes_that_overflow_are_refused)
    {
        const struct posteriors huge = {values, SIZE_MAX / 2, TOKENS, 1};
        const struct posteriors wide = {values, SIZE_MAX / sizeof(float), 1, 1};

        start(SIZE_MAX, 10);
        ck_assert(!keep_put(keep, "a", &huge));
        ck_assert(!keep_put(keep, "a", &wide));
        ck_assert_uint_eq(keep_bytes(keep), 0);
        keep_free(keep);
    }
END_TEST

START_TEST(a_recording_without_frames_can_be_kept)
    {
        const struct posteriors none = {NULL, 0, TOKENS, 0.01};

        start(1 << 20, 10);
        ck_assert(keep_put(keep, "a", &none));
        struct kept *kept = keep_borrow(keep, "a");
        ck_assert_uint_eq(kept_posteriors(kept)->frames, 0);
        keep_release(keep, kept);
        keep_free(keep);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct asr_error err;

        fail_alloc(0);
        enum asr_status st = keep_new(&keep, 1, 1, fake_clock, &err);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_ERR_NOMEM);
        ck_assert_ptr_null(keep);

        start(1 << 20, 10);
        fail_alloc(0);
        bool kept = put("a", 1, FRAMES);
        fail_alloc(-1);
        ck_assert(!kept);
        ck_assert_uint_eq(keep_bytes(keep), 0);
        ck_assert(put("a", 1, FRAMES));
        keep_free(keep);
    }
END_TEST

/* Threads that put, borrow and expire the same few ids; the first value of what is borrowed must be
 * the one that its last has, whoever put it. */
static void *quarrel(void *arg)
{
    float own[FRAMES * TOKENS];
    uint32_t seed = (uint32_t)(uintptr_t)arg;
    char id[2] = "a";

    for (int turn = 0; turn < 3000; turn++) {
        seed = seed * 1664525U + 1013904223U;
        id[0] = (char)('a' + (seed >> 24) % 8);
        own[0] = own[FRAMES * TOKENS - 1] = (float)(seed >> 16);
        const struct posteriors one = {own, FRAMES, TOKENS, 1.5};
        keep_put(keep, id, &one);
        id[0] = (char)('a' + (seed >> 20) % 8);
        struct kept *kept = keep_borrow(keep, id);
        if (kept) {
            const float *lent = kept_posteriors(kept)->log_posteriors;
            if (lent[0] != lent[FRAMES * TOKENS - 1])
                return arg;
            keep_release(keep, kept);
        }
        now_ms = now_ms + 1; /* may lose a step to another thread, which is as good */
        if (turn % 64 == 0)
            keep_expire(keep);
    }
    return NULL;
}

START_TEST(threads_may_quarrel_over_it)
    {
        enum { THREADS = 4 };
        pthread_t threads[THREADS];
        size_t max_bytes = 5 * entry_bytes();

        memset(values, 0, sizeof(values));
        start(max_bytes, 0.2);
        for (uintptr_t i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, quarrel, (void *)(i + 1)), 0);
        for (int i = 0; i < THREADS; i++) {
            void *failed;
            pthread_join(threads[i], &failed);
            ck_assert_ptr_null(failed);
        }
        ck_assert_uint_le(keep_bytes(keep), max_bytes);
        now_ms = now_ms + 1000;
        keep_expire(keep);
        ck_assert_uint_eq(keep_bytes(keep), 0);
        keep_free(keep);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("keep");
    TCase *tc = tcase_create("keep");

    tcase_add_test(tc, what_is_kept_is_a_copy_found_by_its_id);
    tcase_add_test(tc, many_ids_are_all_found);
    tcase_add_test(tc, the_same_id_is_replaced);
    tcase_add_test(tc, a_life_ends_on_time_however_often_it_was_used);
    tcase_add_test(tc, expired_memory_is_given_back_without_being_asked_for);
    tcase_add_test(tc, the_least_recently_used_is_dropped_first);
    tcase_add_test(tc, the_bound_holds_to_the_byte);
    tcase_add_test(tc, what_is_lent_stays_and_counts_until_it_is_back);
    tcase_add_test(tc, sizes_that_overflow_are_refused);
    tcase_add_test(tc, a_recording_without_frames_can_be_kept);
    tcase_add_test(tc, every_allocation_may_fail);
    tcase_add_test(tc, threads_may_quarrel_over_it);
    suite_add_tcase(s, tc);
    return s;
}
