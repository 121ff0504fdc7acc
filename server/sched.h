/* sched.h - the threads that compute, and the work that all requests have for them.
 *
 * A request's own thread runs straight-line code: it submits work and waits for it. Work is of
 * three kinds. What begins a request (decoding, features) and what finishes one (search, alignment)
 * runs by itself; what is for the network goes in batches, whoever it belongs to. A worker that is
 * free takes, of what is due, what finishes a request, else a full batch, else what begins one,
 * else the batch as it stands; and only if nothing is due, likewise of the bulk work that is not.
 * So batches grow exactly while the workers are busy, and no request that is alone waits for
 * company.
 *
 * Each worker owns one scratch. No lock is held while it computes. Work is intrusive: it belongs to
 * its submitter, and must stay put until sched_wait() has returned. */
#ifndef SERVER_SCHED_H
#define SERVER_SCHED_H

#include <pthread.h>
#include <stddef.h>

#include "audio/status.h"
#include "server/batch.h"

struct sched;

enum work_kind { WORK_FINISH, WORK_BATCHED, WORK_BEGIN };

struct work {
    struct waiting waiting; /* first; the submitter sets `ticket`, and `frames` of WORK_BATCHED */
    enum work_kind kind;
    void (*run)(struct work *work, void *scratch); /* on a worker; not of WORK_BATCHED */
    /* The scheduler's; the last three are there to be read after sched_wait(). */
    enum { WORK_WAITS, WORK_RUNS, WORK_IS_DONE, WORK_IS_DROPPED } state;
    pthread_cond_t changed;
    double waited_ms, computed_ms; /* of a batch: its share, by frames */
    size_t batch;                  /* how many went together */
};

struct sched_config {
    size_t threads;
    struct batch_policy policy; /* of WORK_BATCHED; its bulk_delay_ms is everybody's */
    /* A worker's scratch; make() is called `threads` times, on the calling thread. */
    enum asr_status (*make)(void **out, void *ctx, struct asr_error *err);
    void (*release)(void *scratch);
    /* A batch, on a worker. */
    void (*run_batch)(void *ctx, void *scratch, struct work *const *works, size_t count);
    void *ctx;
};

enum asr_status sched_new(struct sched **out, const struct sched_config *config,
                          struct asr_error *err);

/* When all that was submitted has been waited for. NULL is fine. */
void sched_free(struct sched *sched);

/* All at once, so that they can go together. Any number may be under way for one ticket. */
void sched_submit(struct sched *sched, struct work *const *works, size_t count);

/* Until it has run. ASR_ERR_DROPPED: it has not and will not, because its ticket was cancelled or
 * its deadline came before its turn. */
enum asr_status sched_wait(struct sched *sched, struct work *work, struct asr_error *err);

/* Both, of one. */
enum asr_status sched_run(struct sched *sched, struct work *work, struct asr_error *err);

/* What the ticket's request has not begun will not run. Any thread. */
void sched_cancel(struct sched *sched, struct ticket *ticket);

#endif
