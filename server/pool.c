#include "server/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    pthread_mutex_t lock; /* all but `threads` */
    pthread_cond_t work;
    struct pool_job *first, **last;
    size_t jobs, max_jobs; /* queued or running */
    bool stopping;

    size_t n_threads;
    pthread_t threads[];
};

/* With the lock held. Waits for a job; NULL once the pool stops and none is left. */
static struct pool_job *take(struct pool *pool)
{
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->work, &pool->lock);
    struct pool_job *job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    return job;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct pool_job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = take(pool))) {
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        pool->jobs--;
        pthread_mutex_unlock(&pool->lock);
        job->finish(job);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

enum asr_status pool_new(struct pool **out, size_t threads, size_t capacity, struct asr_error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));

    *out = NULL;
    if (!pool)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu threads", threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    pool->max_jobs = threads + capacity;
    for (; pool->n_threads < threads; pool->n_threads++) {
        int rc = pthread_create(&pool->threads[pool->n_threads], NULL, work, pool);
        if (rc != 0) {
            enum asr_status st = asr_fail(err, ASR_ERR_NOMEM, "thread %zu of %zu: %s",
                                          pool->n_threads + 1, threads, strerror(rc));
            pool_free(pool);
            return st;
        }
    }
    *out = pool;
    return ASR_OK;
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool accepted = pool->jobs < pool->max_jobs;
    if (accepted) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->jobs++;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    return accepted;
}

bool pool_is_full(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool full = pool->jobs >= pool->max_jobs;
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
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
