/* pool.h - the threads of requests, and a bounded queue in front of them.
 *
 * They run straight-line code that waits a lot, for what server/sched.h computes for them: there
 * can be many. No lock is held while a job runs. Jobs are intrusive: the submitter owns the struct
 * pool_job, which must stay put until its finish() has been called, so submitting never allocates.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

struct pool;

struct pool_job {
    void (*run)(struct pool_job *job); /* on a thread of the pool */
    /* Likewise, when the job counts no more, so that who is told by it finds its room free. May
     * free the job. */
    void (*finish)(struct pool_job *job);
    struct pool_job *next; /* the pool's */
};

/* `capacity`: jobs that may wait while all threads are busy; 0 is allowed. */
enum asr_status pool_new(struct pool **out, size_t threads, size_t capacity, struct asr_error *err);

/* False, and nothing has happened, when the queue is full. Not after pool_free() has begun. */
bool pool_submit(struct pool *pool, struct pool_job *job);

/* Whether a pool_submit() now would be refused; out of date as soon as it is known. */
bool pool_is_full(struct pool *pool);

/* Runs what is queued and joins the threads. NULL is fine. */
void pool_free(struct pool *pool);

#endif
