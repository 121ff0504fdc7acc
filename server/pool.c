#include "server/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct pool *pool;
    void *scratch;
    pthread_t thread;
};

struct pool {
    pthread_mutex_t lock; /* all but `workers` and `release`, which do not change */
    pthread_cond_t work;
    struct pool_job *first, **last;
    size_t waiting; /* jobs queued */
    size_t idle;    /* workers that take a job as soon as they wake up */
    size_t capacity;
    bool stopping;

    void (*release)(void *scratch);
    size_t n_scratch, n_threads;
    struct worker workers[];
};

/* Waits for a job; NULL once the pool stops and none is left. */
static struct pool_job *take(struct pool *pool)
{
    struct pool_job *job;

    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->work, &pool->lock);
    pool->idle--;
    job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct pool_job *job;

    while ((job = take(worker->pool)))
        job->run(job, worker->scratch);
    return NULL;
}

enum asr_status pool_new(struct pool **out, size_t threads, size_t capacity,
                         const struct pool_scratch *scratch, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->workers[0]));

    *out = NULL;
    if (!pool)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu worker threads", threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    pool->capacity = capacity;
    pool->release = scratch->release;
    for (; pool->n_scratch < threads; pool->n_scratch++) {
        struct worker *worker = &pool->workers[pool->n_scratch];
        worker->pool = pool;
        st = scratch->make(&worker->scratch, scratch->ctx, err);
        if (st != ASR_OK)
            goto fail;
    }
    for (; pool->n_threads < threads; pool->n_threads++) {
        struct worker *worker = &pool->workers[pool->n_threads];
        int rc = pthread_create(&worker->thread, NULL, work, worker);
        if (rc != 0) {
            st = asr_fail(err, ASR_ERR_NOMEM, "worker thread %zu of %zu: %s", pool->n_threads + 1,
                          threads, strerror(rc));
            goto fail;
        }
    }
    *out = pool;
    return ASR_OK;

fail:
    pool_free(pool);
    return st;
}

static bool is_full(const struct pool *pool)
{
    return pool->waiting >= pool->capacity + pool->idle;
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool accepted = !is_full(pool);
    if (accepted) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->waiting++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    return accepted;
}

bool pool_is_full(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool full = is_full(pool);
    pthread_mutex_unlock(&pool->lock);
    return full;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->n_threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (size_t i = 0; i < pool->n_scratch; i++)
        pool->release(pool->workers[i].scratch);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
