/* pool.h - a fixed number of worker threads and a bounded queue in front of them.
 *
 * Each worker owns one scratch, made before the threads start, that its jobs compute in. No lock
 * is held while a job runs. Jobs are intrusive: the submitter owns the struct pool_job, which must
 * stay put until its run() has been called, so submitting never allocates. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

struct pool;

struct pool_job {
    void (*run)(struct pool_job *job, void *scratch); /* on a worker thread; may free the job */
    struct pool_job *next;                            /* the pool's */
};

struct pool_scratch {
    enum asr_status (*make)(void **out, void *ctx, struct asr_error *err);
    void (*release)(void *scratch);
    void *ctx;
};

/* `capacity`: jobs that may wait while all workers are busy; 0 is allowed. make() is called
 * `threads` times, on the calling thread. */
enum asr_status pool_new(struct pool **out, size_t threads, size_t capacity,
                         const struct pool_scratch *scratch, struct asr_error *err);

/* False, and nothing has happened, when the queue is full. Not after pool_free() has begun. */
bool pool_submit(struct pool *pool, struct pool_job *job);

/* Whether a pool_submit() now would be refused; out of date as soon as it is known. */
bool pool_is_full(struct pool *pool);

/* Runs what is queued, joins the threads, releases the scratch. NULL is fine. */
void pool_free(struct pool *pool);

#endif
