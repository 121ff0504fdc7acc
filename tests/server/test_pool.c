#include <pthread.h>
#include <stdlib.h>

#include "server/pool.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* A gate that jobs wait at. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool open;
static size_t inside, finished;

static void wait_at_gate(struct pool_job *job)
{
    (void)job;
    pthread_mutex_lock(&lock);
    inside++;
    pthread_cond_broadcast(&changed);
    while (!open)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void count_finished(struct pool_job *job)
{
    (void)job;
    pthread_mutex_lock(&lock);
    finished++;
    pthread_mutex_unlock(&lock);
}

static const struct pool_job gated = {.run = wait_at_gate, .finish = count_finished};

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

/* Written by one thread at a time; only the pool's own order makes that safe to read. */
static int order[100];
static size_t n_order;

static void reset(void)
{
    inside = finished = n_order = 0;
    open = false;
}

static struct pool *new_pool(size_t threads, size_t capacity)
{
    struct pool *pool;
    struct asr_error err;

    ck_assert_int_eq(pool_new(&pool, threads, capacity, &err), ASR_OK);
    return pool;
}

START_TEST(a_full_queue_refuses_and_what_it_took_is_run)
    {
        enum { THREADS = 2, CAPACITY = 3, TAKEN = THREADS + CAPACITY };
        struct pool *pool = new_pool(THREADS, CAPACITY);
        struct pool_job jobs[TAKEN + 1];

        for (size_t i = 0; i < TAKEN; i++) {
            jobs[i] = gated;
            ck_assert(!pool_is_full(pool));
            ck_assert(pool_submit(pool, &jobs[i]));
        }
        jobs[TAKEN] = gated;
        ck_assert(pool_is_full(pool));
        ck_assert(!pool_submit(pool, &jobs[TAKEN]));
        wait_until_inside(THREADS);
        ck_assert(pool_is_full(pool));
        open_gate();
        pool_free(pool);
        ck_assert_uint_eq(inside, TAKEN);
        ck_assert_uint_eq(finished, TAKEN);
    }
END_TEST

/* Who is told of a job's end may come back at once: its room must be free by then. */
struct returning {
    struct pool_job job;
    struct pool *pool;
    size_t rounds, refused;
};

static void nothing(struct pool_job *job)
{
    (void)job;
}

static void come_back(struct pool_job *job)
{
    struct returning *r = (struct returning *)(void *)job;

    pthread_mutex_lock(&lock);
    r->refused += pool_is_full(r->pool);
    bool again = --r->rounds > 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (again)
        pool_submit(r->pool, job);
}

START_TEST(a_job_that_finishes_counts_no_more)
    {
        struct pool *pool = new_pool(1, 0);
        struct returning r = {{.run = nothing, .finish = come_back}, pool, 100, 0};

        ck_assert(pool_submit(pool, &r.job));
        pthread_mutex_lock(&lock);
        while (r.rounds > 0)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        pool_free(pool);
        ck_assert_uint_eq(r.refused, 0);
    }
END_TEST

START_TEST(freeing_runs_all_that_is_queued)
    {
        enum { JOBS = 1000 };
        static struct pool_job jobs[JOBS];
        struct pool *pool = new_pool(3, JOBS);

        open_gate();
        for (size_t i = 0; i < JOBS; i++) {
            jobs[i] = gated;
            ck_assert(pool_submit(pool, &jobs[i]));
        }
        pool_free(pool);
        ck_assert_uint_eq(inside, JOBS);
        ck_assert_uint_eq(finished, JOBS);
    }
END_TEST

struct numbered {
    struct pool_job job;
    int number;
};

static void note(struct pool_job *job)
{
    order[n_order++] = ((struct numbered *)(void *)job)->number;
}

START_TEST(one_thread_runs_jobs_in_the_order_of_their_coming)
    {
        struct numbered jobs[COUNT(order)];
        struct pool *pool = new_pool(1, COUNT(order));

        for (size_t i = 0; i < COUNT(order); i++) {
            jobs[i] = (struct numbered){{.run = note, .finish = nothing}, (int)i};
            ck_assert(pool_submit(pool, &jobs[i].job));
        }
        pool_free(pool);
        ck_assert_uint_eq(n_order, COUNT(order));
        for (size_t i = 0; i < COUNT(order); i++)
            ck_assert_int_eq(order[i], (int)i);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct pool *pool;
            fail_alloc(nth++);
            st = pool_new(&pool, 2, 1, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (pool != NULL));
            pool_free(pool);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 2); /* seen to fail, then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pool");
    TCase *tc = tcase_create("jobs");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, reset, NULL);
    tcase_add_test(tc, a_full_queue_refuses_and_what_it_took_is_run);
    tcase_add_test(tc, a_job_that_finishes_counts_no_more);
    tcase_add_test(tc, freeing_runs_all_that_is_queued);
    tcase_add_test(tc, one_thread_runs_jobs_in_the_order_of_their_coming);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
