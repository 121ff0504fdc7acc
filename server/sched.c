/* sched.c - see sched.h.
 *
 * One lock guards the lines, the state of all work and the tickets' `cancelled`. It is held to
 * choose, never to compute. Workers wait at one condition variable; a request's thread at its
 * work's own, so that the end of one wakes nobody else.
 *
 * Rejected: to let an idle worker wait until a batch has filled. It costs a lone client those
 * milliseconds, and under load there are no idle workers: batches fill behind the busy ones. All
 * that `wait_ms` allows is to wait for requests whose features another worker is computing just
 * now. Nor does one worker take all while another is idle: they share. */
#include "server/sched.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/count.h"
#include "server/clock.h"

enum { N_KINDS = WORK_BEGIN + 1 };

struct worker {
    struct sched *sched;
    void *scratch;
    pthread_t thread;
};

struct sched {
    struct sched_config config; /* constant, as are the policies */
    struct batch_policy policy[N_KINDS];
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* work, or the end */
    struct line lines[N_KINDS];
    size_t idle;      /* workers that wait at `arrived` */
    size_t beginning; /* workers that run WORK_BEGIN: a batch may expect them */
    bool stopping;

    size_t n_scratch, n_threads;
    struct worker workers[];
};

static struct work *work_of(struct waiting *waiting)
{
    return (struct work *)(void *)waiting;
}

/* Until `end_ms` of clock_ms(); INFINITY is for ever. */
static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, double end_ms)
{
    if (isinf(end_ms)) {
        pthread_cond_wait(cond, lock);
        return;
    }
    double seconds = floor(end_ms / 1e3);
    const struct timespec end = {(time_t)seconds, (long)((end_ms - seconds * 1e3) * 1e6)};
    pthread_cond_timedwait(cond, lock, &end);
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* as clock_ms() */
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* ---- with the lock held -----------------------------------------------------------------------
 */

static void drop_dead(struct sched *sched, double now_ms)
{
    for (size_t kind = 0; kind < N_KINDS; kind++) {
        struct waiting *waiting;
        while ((waiting = line_drop(&sched->lines[kind], now_ms))) {
            work_of(waiting)->state = WORK_IS_DROPPED;
            pthread_cond_signal(&work_of(waiting)->changed);
        }
    }
}

/* What a worker is to do next, its group->count 0 for nothing: then at *again_ms it may be
 * otherwise without anybody's doing. */
static void choose(const struct sched *sched, double now_ms, struct group *group, double *again_ms)
{
    const struct line *batched = &sched->lines[WORK_BATCHED];
    size_t workers = 1 + sched->idle, share = (batched->count + workers - 1) / workers;
    struct group finish, batch, begin;

    line_group(&sched->lines[WORK_FINISH], &sched->policy[WORK_FINISH], 1, now_ms, &finish);
    line_group(batched, &sched->policy[WORK_BATCHED], share ? share : 1, now_ms, &batch);
    line_group(&sched->lines[WORK_BEGIN], &sched->policy[WORK_BEGIN], 1, now_ms, &begin);
    /* Features take memory, which is why none are made while there are many of them. */
    bool many = batched->count >= 2 * sched->policy[WORK_BATCHED].max_count;
    const struct {
        const struct group *group;
        bool may;
    } order[] = {{&finish, true}, {&batch, batch.full || many}, {&begin, true}, {&batch, true}};

    *again_ms = INFINITY;
    group->count = 0;
    for (size_t i = 0; i < 2 * COUNT(order); i++) { /* what is due, then what is not */
        const struct group *candidate = order[i % COUNT(order)].group;
        if (!order[i % COUNT(order)].may || candidate->count == 0 ||
            candidate->due != (i < COUNT(order)))
            continue;
        if (candidate == &batch && sched->beginning > 0 && now_ms < batch.ready_ms)
            *again_ms = batch.ready_ms; /* others are about to join it */
        else
            *group = *candidate;
        return;
    }
}

static bool nothing_waits(const struct sched *sched)
{
    for (size_t kind = 0; kind < N_KINDS; kind++)
        if (sched->lines[kind].count > 0)
            return false;
    return true;
}

/* Blocks until there is work, which is then out of its line; false at the end. */
static bool take(struct sched *sched, struct group *group)
{
    for (;;) {
        double now_ms = clock_ms(), again_ms;
        drop_dead(sched, now_ms);
        choose(sched, now_ms, group, &again_ms);
        if (group->count > 0)
            break;
        if (sched->stopping && nothing_waits(sched))
            return false;
        sched->idle++;
        wait_until(&sched->arrived, &sched->lock, again_ms);
        sched->idle--;
    }
    enum work_kind kind = work_of(group->members[0])->kind;
    double now_ms = clock_ms();
    line_leave(&sched->lines[kind], group);
    for (size_t i = 0; i < group->count; i++) {
        struct work *work = work_of(group->members[i]);
        work->state = WORK_RUNS;
        work->waited_ms = now_ms - work->waiting.arrived_ms;
    }
    sched->beginning += kind == WORK_BEGIN;
    return true;
}

static void finish(struct sched *sched, const struct group *group, double taken_ms)
{
    sched->beginning -= work_of(group->members[0])->kind == WORK_BEGIN;
    for (size_t i = 0; i < group->count; i++) {
        struct work *work = work_of(group->members[i]);
        double share = group->frames > 0 ? (double)work->waiting.frames / (double)group->frames : 1;
        work->computed_ms = taken_ms * share;
        work->batch = group->count;
        work->state = WORK_IS_DONE;
        pthread_cond_signal(&work->changed);
    }
}

/* ---- workers ----------------------------------------------------------------------------------
 */

static void compute(const struct worker *worker, const struct group *group)
{
    const struct sched_config *config = &worker->sched->config;
    struct work *works[BATCH_MAX];

    assert(group->count > 0);
    for (size_t i = 0; i < group->count; i++)
        works[i] = work_of(group->members[i]);
    if (works[0]->kind == WORK_BATCHED)
        config->run_batch(config->ctx, worker->scratch, works, group->count);
    else
        works[0]->run(works[0], worker->scratch);
}

static void *work(void *arg)
{
    const struct worker *worker = arg;
    struct sched *sched = worker->sched;
    struct group group;

    pthread_mutex_lock(&sched->lock);
    while (take(sched, &group)) {
        pthread_mutex_unlock(&sched->lock);
        double started_ms = clock_ms();
        compute(worker, &group);
        double taken_ms = clock_ms() - started_ms;
        pthread_mutex_lock(&sched->lock);
        finish(sched, &group, taken_ms);
    }
    pthread_mutex_unlock(&sched->lock);
    return NULL;
}

static void set_policies(struct sched *sched)
{
    const struct batch_policy *batched = &sched->config.policy;
    const struct batch_policy alone = {
        .max_count = 1, .max_ratio = 1, .bulk_delay_ms = batched->bulk_delay_ms};

    sched->policy[WORK_FINISH] = sched->policy[WORK_BEGIN] = alone;
    sched->policy[WORK_BATCHED] = *batched;
}

static enum asr_status start_workers(struct sched *sched, struct asr_error *err)
{
    const struct sched_config *config = &sched->config;

    for (; sched->n_scratch < config->threads; sched->n_scratch++) {
        struct worker *worker = &sched->workers[sched->n_scratch];
        worker->sched = sched;
        enum asr_status st = config->make(&worker->scratch, config->ctx, err);
        if (st != ASR_OK)
            return st;
    }
    for (; sched->n_threads < config->threads; sched->n_threads++) {
        struct worker *worker = &sched->workers[sched->n_threads];
        int rc = pthread_create(&worker->thread, NULL, work, worker);
        if (rc != 0)
            return asr_fail(err, ASR_ERR_NOMEM, "worker thread %zu of %zu: %s",
                            sched->n_threads + 1, config->threads, strerror(rc));
    }
    return ASR_OK;
}

enum asr_status sched_new(struct sched **out, const struct sched_config *config,
                          struct asr_error *err)
{
    struct sched *sched = calloc(1, sizeof(*sched) + config->threads * sizeof(sched->workers[0]));

    *out = NULL;
    if (!sched)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu threads", config->threads);
    sched->config = *config;
    set_policies(sched);
    pthread_mutex_init(&sched->lock, NULL);
    cond_init(&sched->arrived);
    enum asr_status st = start_workers(sched, err);
    if (st != ASR_OK) {
        sched_free(sched);
        return st;
    }
    *out = sched;
    return ASR_OK;
}

void sched_free(struct sched *sched)
{
    if (!sched)
        return;
    pthread_mutex_lock(&sched->lock);
    sched->stopping = true;
    pthread_cond_broadcast(&sched->arrived);
    pthread_mutex_unlock(&sched->lock);
    for (size_t i = 0; i < sched->n_threads; i++)
        pthread_join(sched->workers[i].thread, NULL);
    for (size_t i = 0; i < sched->n_scratch; i++)
        sched->config.release(sched->workers[i].scratch);
    pthread_cond_destroy(&sched->arrived);
    pthread_mutex_destroy(&sched->lock);
    free(sched);
}

/* ---- the requests' threads --------------------------------------------------------------------
 */

void sched_submit(struct sched *sched, struct work *const *works, size_t count)
{
    pthread_mutex_lock(&sched->lock);
    double now_ms = clock_ms();
    for (size_t i = 0; i < count; i++) {
        struct work *work = works[i];
        cond_init(&work->changed);
        work->state = WORK_WAITS;
        work->waited_ms = work->computed_ms = 0;
        work->batch = 0;
        line_join(&sched->lines[work->kind], &work->waiting, &sched->policy[work->kind], now_ms);
    }
    drop_dead(sched, now_ms);
    for (size_t i = 0; i < count && i < sched->idle; i++)
        pthread_cond_signal(&sched->arrived);
    pthread_mutex_unlock(&sched->lock);
}

enum asr_status sched_wait(struct sched *sched, struct work *work, struct asr_error *err)
{
    pthread_mutex_lock(&sched->lock);
    while (work->state == WORK_WAITS || work->state == WORK_RUNS) {
        /* The workers may all be busy when its time is over: then it is for us to see that. */
        bool waits = work->state == WORK_WAITS;
        wait_until(&work->changed, &sched->lock,
                   waits ? work->waiting.ticket->deadline_ms : INFINITY);
        drop_dead(sched, clock_ms());
    }
    bool dropped = work->state == WORK_IS_DROPPED;
    bool cancelled = work->waiting.ticket->cancelled;
    pthread_mutex_unlock(&sched->lock);
    pthread_cond_destroy(&work->changed);
    if (!dropped)
        return ASR_OK;
    return asr_fail(err, ASR_ERR_DROPPED,
                    cancelled ? "nobody waits for the answer any more"
                              : "the time for it was over before its turn came");
}

enum asr_status sched_run(struct sched *sched, struct work *work, struct asr_error *err)
{
    sched_submit(sched, &work, 1);
    return sched_wait(sched, work, err);
}

void sched_cancel(struct sched *sched, struct ticket *ticket)
{
    pthread_mutex_lock(&sched->lock);
    ticket->cancelled = true;
    drop_dead(sched, clock_ms());
    pthread_mutex_unlock(&sched->lock);
}
