#include <pthread.h>
#include <stdlib.h>

#include "server/pool.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* Scratch is a counter of the jobs that one worker has run. */
static size_t made, released, ran;
static long fail_make_at = -1;

static enum asr_status make(void **out, void *ctx, struct asr_error *err)
{
    *out = NULL;
    if (ctx && fail_make_at == (long)made)
        return asr_fail(err, ASR_ERR_IO, "no scratch");
    *out = calloc(1, sizeof(size_t));
    if (!*out)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    made++;
    return ASR_OK;
}

static void release(void *scratch)
{
    ran += *(size_t *)scratch;
    released++;
    free(scratch);
}

static const struct pool_scratch counters = {make, release, NULL};

/* A gate that jobs wait at. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool open;
static size_t inside;

static void wait_at_gate(struct pool_job *job, void *scratch)
{
    (void)job;
    ++*(size_t *)scratch;
    pthread_mutex_lock(&lock);
    inside++;
    pthread_cond_broadcast(&changed);
    while (!open)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void wait_until_inside(size_t n)
{
    pthread_mutex_lock(&lock);
    while (inside < n)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&lock);
    open = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Written by one worker at a time; only the pool's own order makes that safe to read. */
static int order[100];
static size_t n_order;
static void reset(void)
{
    made = released = ran = inside = n_order = 0;
    fail_make_at = -1;
    open = false;
}

static struct pool *new_pool(size_t threads, size_t capacity)
{
    struct pool *pool;
    struct asr_error err;

    ck_assert_int_eq(pool_new(&pool, threads, capacity, &counters, &err), ASR_OK);
    return pool;
}

START_TEST(a_full_queue_refuses_and_what_it_took_is_run)
    {
        enum { THREADS = 2, CAPACITY = 3, TAKEN = THREADS + CAPACITY };
        struct pool *pool = new_pool(THREADS, CAPACITY);
        struct pool_job jobs[TAKEN + 1];

        for (size_t i = 0; i < THREADS; i++) {
            /* A thread that has not come to its queue yet is not idle: wait for each. */
            jobs[i].run = wait_at_gate;
            ck_assert(pool_submit(pool, &jobs[i]));
            wait_until_inside(i + 1);
        }
        for (size_t i = THREADS; i < TAKEN; i++) {
            jobs[i].run = wait_at_gate;
            ck_assert(!pool_is_full(pool));
            ck_assert(pool_submit(pool, &jobs[i]));
        }
        jobs[TAKEN].run = wait_at_gate;
        ck_assert(pool_is_full(pool));
        ck_assert(!pool_submit(pool, &jobs[TAKEN]));
        open_gate();
        pool_free(pool);
        ck_assert_uint_eq(inside, TAKEN);
        ck_assert_uint_eq(ran, TAKEN);
        ck_assert_uint_eq(made, THREADS);
        ck_assert_uint_eq(released, THREADS);
    }
END_TEST

START_TEST(freeing_runs_all_that_is_queued)
    {
        enum { JOBS = 1000 };
        static struct pool_job jobs[JOBS];
        struct pool *pool = new_pool(3, JOBS);

        open_gate();
        for (size_t i = 0; i < JOBS; i++) {
            jobs[i].run = wait_at_gate;
            ck_assert(pool_submit(pool, &jobs[i]));
        }
        pool_free(pool);
        ck_assert_uint_eq(inside, JOBS);
        ck_assert_uint_eq(ran, JOBS);
    }
END_TEST

struct numbered {
    struct pool_job job;
    int number;
};

static void note(struct pool_job *job, void *scratch)
{
    (void)scratch;
    order[n_order++] = ((struct numbered *)(void *)job)->number;
}

START_TEST(one_worker_runs_jobs_in_the_order_of_their_coming)
    {
        struct numbered jobs[COUNT(order)];
        struct pool *pool = new_pool(1, COUNT(order));

        for (size_t i = 0; i < COUNT(order); i++) {
            jobs[i] = (struct numbered){{.run = note}, (int)i};
            ck_assert(pool_submit(pool, &jobs[i].job));
        }
        pool_free(pool);
        ck_assert_uint_eq(n_order, COUNT(order));
        for (size_t i = 0; i < COUNT(order); i++)
            ck_assert_int_eq(order[i], (int)i);
    }
END_TEST

START_TEST(scratch_that_cannot_be_made_is_an_error_and_leaves_nothing)
    {
        int ctx;
        struct pool_scratch failing = {make, release, &ctx};
        struct pool *pool;
        struct asr_error err;

        fail_make_at = 2;
        ck_assert_int_eq(pool_new(&pool, 4, 1, &failing, &err), ASR_ERR_IO);
        ck_assert_ptr_null(pool);
        ck_assert_uint_eq(made, 2);
        ck_assert_uint_eq(released, 2);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct pool *pool;
            fail_alloc(nth++);
            st = pool_new(&pool, 2, 1, &counters, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (pool != NULL));
            pool_free(pool);
            ck_assert_uint_eq(made, released);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 4); /* the pool and two scratches seen to fail, then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pool");
    TCase *tc = tcase_create("jobs");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, reset, NULL);
    tcase_add_test(tc, a_full_queue_refuses_and_what_it_took_is_run);
    tcase_add_test(tc, freeing_runs_all_that_is_queued);
    tcase_add_test(tc, one_worker_runs_jobs_in_the_order_of_their_coming);
    tcase_add_test(tc, scratch_that_cannot_be_made_is_an_error_and_leaves_nothing);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
