/* The threads that compute. Work notes what it is as it runs, one letter each, so that tests can
 * read in which order the workers chose; a gate keeps them busy for as long as a test wants.
 * Asserts of Check do not belong in other threads: those count what is wrong. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/sched.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static const struct ticket live = {LANE_LIVE, INFINITY, false};
static const struct ticket bulk = {LANE_BULK, INFINITY, false};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool open;
static size_t inside;
static char order[256]; /* what has run; batches in brackets */
static atomic_size_t made, released, wrong;

struct noted {
    struct work work; /* first */
    char letter;
    size_t ran;
};

static void note(char letter)
{
    size_t n = strlen(order);
    if (n + 1 < sizeof(order)) {
        order[n] = letter;
        order[n + 1] = 0;
    }
}

/* A scratch says whether somebody computes in it. */
static void occupy(atomic_bool *scratch)
{
    wrong += atomic_exchange(scratch, true);
}

static void run_noted(struct work *work, void *scratch)
{
    struct noted *noted = (struct noted *)(void *)work;
    occupy(scratch);
    pthread_mutex_lock(&lock);
    note(noted->letter);
    noted->ran++;
    pthread_mutex_unlock(&lock);
    atomic_store((atomic_bool *)scratch, false);
}

static void run_batch(void *ctx, void *scratch, struct work *const *works, size_t count)
{
    (void)ctx;
    occupy(scratch);
    pthread_mutex_lock(&lock);
    note('[');
    for (size_t i = 0; i < count; i++) {
        struct noted *noted = (struct noted *)(void *)works[i];
        note(noted->letter);
        noted->ran++;
    }
    note(']');
    pthread_mutex_unlock(&lock);
    atomic_store((atomic_bool *)scratch, false);
}

static void wait_at_gate(struct work *work, void *scratch)
{
    pthread_mutex_lock(&lock);
    inside++;
    pthread_cond_broadcast(&changed);
    while (!open)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    run_noted(work, scratch);
}

static enum asr_status make(void **out, void *ctx, struct asr_error *err)
{
    *out = NULL;
    if (ctx && made == 2)
        return asr_fail(err, ASR_ERR_IO, "no scratch");
    *out = calloc(1, sizeof(atomic_bool));
    if (!*out)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    made++;
    return ASR_OK;
}

static void release(void *scratch)
{
    released++;
    free(scratch);
}

static struct sched_config config(size_t threads, double wait_ms)
{
    return (struct sched_config){
        .threads = threads,
        .policy = {.max_count = 4,
                   .max_frames = 1000000,
                   .max_ratio = 1000,
                   .wait_ms = wait_ms,
                   .bulk_delay_ms = 1e9},
        .make = make,
        .release = release,
        .run_batch = run_batch,
    };
}

static struct sched *new_sched(size_t threads, double wait_ms)
{
    const struct sched_config c = config(threads, wait_ms);
    struct sched *sched;
    struct asr_error err;
    ck_assert_msg(sched_new(&sched, &c, &err) == ASR_OK, "%s", err.text);
    return sched;
}

static void reset(void)
{
    open = false;
    inside = 0;
    order[0] = 0;
    made = released = wrong = 0;
}

static struct noted noted(char letter, enum work_kind kind, const struct ticket *ticket)
{
    return (struct noted){
        .work = {{.ticket = ticket, .frames = 100}, .kind = kind, .run = run_noted},
        .letter = letter};
}

static void submit(struct sched *sched, struct noted *noted)
{
    struct work *work = &noted->work;
    sched_submit(sched, &work, 1);
}

/* A worker is kept busy by it until open_gate(). */
static void submit_gated(struct sched *sched, struct noted *noted)
{
    pthread_mutex_lock(&lock);
    size_t before = inside;
    pthread_mutex_unlock(&lock);
    noted->work.run = wait_at_gate;
    submit(sched, noted);
    pthread_mutex_lock(&lock);
    while (inside == before)
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

static void assert_done(struct sched *sched, struct noted *noted)
{
    struct asr_error err;
    ck_assert_msg(sched_wait(sched, &noted->work, &err) == ASR_OK, "%s", err.text);
    ck_assert_uint_eq(noted->ran, 1);
}

/* Capitals are bulk. */
static const struct {
    char letter;
    enum work_kind kind;
} mixed[] = {
    {'P', WORK_BATCHED}, {'F', WORK_FINISH},  {'b', WORK_BEGIN},  {'p', WORK_BATCHED},
    {'q', WORK_BATCHED}, {'B', WORK_BEGIN},   {'f', WORK_FINISH}, {'r', WORK_BATCHED},
    {'s', WORK_BATCHED}, {'t', WORK_BATCHED}, {'g', WORK_FINISH}, {'c', WORK_BEGIN},
    {'Q', WORK_BATCHED}, {'u', WORK_BATCHED},
};

START_TEST(what_ends_requests_goes_first_then_full_batches_and_live_before_bulk)
    {
        struct sched *sched = new_sched(1, 0);
        struct noted gate = noted('-', WORK_FINISH, &live), all[COUNT(mixed)];

        submit_gated(sched, &gate);
        for (size_t i = 0; i < COUNT(mixed); i++) {
            bool is_bulk = mixed[i].letter < 'a';
            all[i] = noted(mixed[i].letter, mixed[i].kind, is_bulk ? &bulk : &live);
            submit(sched, &all[i]);
        }
        open_gate();
        assert_done(sched, &gate);
        for (size_t i = 0; i < COUNT(mixed); i++)
            assert_done(sched, &all[i]);
        ck_assert_str_eq(order, "-fg[pqrs]bc[tu]FB[PQ]");
        ck_assert_uint_eq(all[0].work.batch, 2);
        ck_assert_uint_eq(all[3].work.batch, 4);
        sched_free(sched);
        ck_assert_uint_eq(wrong, 0);
    }
END_TEST

/* Features would fill the memory if a batch of lengths far apart were never called full. */
START_TEST(nothing_new_is_begun_while_many_wait_for_the_network)
    {
        struct sched_config c = config(1, 0);
        struct noted gate = noted('-', WORK_FINISH, &live), all[9];
        struct sched *sched;
        struct asr_error err;

        c.policy.max_ratio = 1;
        ck_assert_int_eq(sched_new(&sched, &c, &err), ASR_OK);
        submit_gated(sched, &gate);
        all[0] = noted('b', WORK_BEGIN, &live);
        submit(sched, &all[0]);
        for (size_t i = 1; i < COUNT(all); i++) {
            all[i] = noted((char)('0' + i), WORK_BATCHED, &live);
            all[i].work.waiting.frames = 100 + i;
            submit(sched, &all[i]);
        }
        open_gate();
        assert_done(sched, &gate);
        for (size_t i = 0; i < COUNT(all); i++)
            assert_done(sched, &all[i]);
        ck_assert_str_eq(order, "-[1]b[2][3][4][5][6][7][8]");
        sched_free(sched);
    }
END_TEST

/* Workers that have something to do are no reason to share, and when both are idle is theirs to
 * know: so until it is seen. */
START_TEST(idle_workers_share_what_comes_at_once)
    {
        struct sched *sched = new_sched(2, 0);
        struct noted all[4];
        struct work *works[COUNT(all)];
        size_t first = 0;

        for (int round = 0; round < 1000 && first != 2; round++) {
            usleep(1000);
            for (size_t i = 0; i < COUNT(all); i++) {
                all[i] = noted((char)('a' + i), WORK_BATCHED, &live);
                works[i] = &all[i].work;
            }
            sched_submit(sched, works, COUNT(works));
            for (size_t i = 0; i < COUNT(all); i++)
                assert_done(sched, &all[i]);
            first = all[0].work.batch;
        }
        ck_assert_uint_eq(first, 2);
        sched_free(sched);
    }
END_TEST

/* Ten seconds, if nobody else came: the gate stands for features that are being computed. */
START_TEST(a_batch_may_wait_for_features_but_not_once_it_is_full)
    {
        struct sched *sched = new_sched(2, 10000);
        struct noted gate = noted('-', WORK_BEGIN, &live), all[5];

        submit_gated(sched, &gate);
        for (size_t i = 0; i < COUNT(all); i++) {
            all[i] = noted((char)('a' + i), WORK_BATCHED, &live);
            submit(sched, &all[i]);
            usleep(20000); /* enough to be taken, if nothing holds it back */
        }
        for (size_t i = 0; i < 4; i++)
            assert_done(sched, &all[i]);
        open_gate();
        assert_done(sched, &gate);
        assert_done(sched, &all[4]);
        ck_assert_str_eq(order, "[abcd]-[e]");
        sched_free(sched);
    }
END_TEST

START_TEST(a_lone_batch_does_not_wait)
    {
        struct sched *sched = new_sched(2, 600000);
        struct noted alone = noted('a', WORK_BATCHED, &live);

        submit(sched, &alone);
        assert_done(sched, &alone);
        ck_assert_uint_eq(alone.work.batch, 1);
        sched_free(sched);
    }
END_TEST

static void assert_dropped(struct sched *sched, struct noted *noted, const char *why)
{
    struct asr_error err;
    ck_assert_int_eq(sched_wait(sched, &noted->work, &err), ASR_ERR_DROPPED);
    ck_assert_str_eq(err.text, why);
    ck_assert_uint_eq(noted->ran, 0);
}

START_TEST(a_cancelled_ticket_drops_what_waits_and_what_comes_but_not_what_runs)
    {
        static const char why[] = "nobody waits for the answer any more";
        struct ticket ticket = live;
        struct sched *sched = new_sched(1, 0);
        struct noted runs = noted('r', WORK_FINISH, &ticket);
        struct noted other = noted('o', WORK_BATCHED, &live), waits[3];

        submit_gated(sched, &runs);
        submit(sched, &other);
        for (int kind = 0; kind < 3; kind++) {
            waits[kind] = noted('w', (enum work_kind)kind, &ticket);
            submit(sched, &waits[kind]);
        }
        sched_cancel(sched, &ticket);
        for (int kind = 0; kind < 3; kind++)
            assert_dropped(sched, &waits[kind], why);
        struct noted late = noted('l', WORK_BEGIN, &ticket);
        submit(sched, &late);
        assert_dropped(sched, &late, why);
        open_gate();
        assert_done(sched, &runs);
        assert_done(sched, &other);
        ck_assert_str_eq(order, "r[o]");
        sched_free(sched);
    }
END_TEST

START_TEST(a_deadline_is_kept_while_all_workers_are_busy)
    {
        struct ticket ticket = {LANE_LIVE, clock_ms() + 30, false};
        struct sched *sched = new_sched(1, 0);
        struct noted gate = noted('-', WORK_FINISH, &live);
        struct noted waits = noted('w', WORK_BATCHED, &ticket);

        submit_gated(sched, &gate);
        submit(sched, &waits);
        assert_dropped(sched, &waits, "the time for it was over before its turn came");
        ck_assert_double_ge(clock_ms(), ticket.deadline_ms);
        open_gate();
        assert_done(sched, &gate);
        ck_assert_str_eq(order, "-");
        sched_free(sched);
    }
END_TEST

enum { CLIENTS = 16, ROUNDS = 60, AT_ONCE = 3 };

struct client {
    pthread_t thread;
    struct sched *sched;
    struct ticket ticket;
    size_t dropped;
};

/* A request as the pipeline makes them, over and over; every eighth client leaves half-way. */
static void *ask(void *arg)
{
    struct client *c = arg;

    for (int round = 0; round < ROUNDS; round++) {
        struct noted begin = noted('.', WORK_BEGIN, &c->ticket), end = begin, parts[AT_ONCE];
        struct work *works[AT_ONCE];
        size_t ran = 0;

        c->dropped += sched_run(c->sched, &begin.work, NULL) != ASR_OK;
        for (size_t i = 0; i < AT_ONCE; i++) {
            parts[i] = noted('.', WORK_BATCHED, &c->ticket);
            parts[i].work.waiting.frames = 1 + (size_t)round * i;
            works[i] = &parts[i].work;
        }
        sched_submit(c->sched, works, AT_ONCE);
        if (c->ticket.lane == LANE_BULK && round == ROUNDS / 2)
            sched_cancel(c->sched, &c->ticket);
        for (size_t i = 0; i < AT_ONCE; i++) {
            c->dropped += sched_wait(c->sched, works[i], NULL) != ASR_OK;
            ran += parts[i].ran;
        }
        end.work.kind = WORK_FINISH;
        c->dropped += sched_run(c->sched, &end.work, NULL) != ASR_OK;
        ran += begin.ran + end.ran;
        wrong += c->ticket.lane == LANE_LIVE && ran != AT_ONCE + 2;
    }
    return NULL;
}

START_TEST(many_threads_get_each_their_own_done_once)
    {
        struct sched *sched = new_sched(4, 1);
        struct client clients[CLIENTS];

        for (size_t i = 0; i < CLIENTS; i++) {
            clients[i] = (struct client){.sched = sched, .ticket = i % 8 ? live : bulk};
            ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, ask, &clients[i]), 0);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            pthread_join(clients[i].thread, NULL);
            if (clients[i].ticket.lane == LANE_LIVE)
                ck_assert_uint_eq(clients[i].dropped, 0);
            else
                ck_assert_uint_ge(clients[i].dropped, (ROUNDS / 2 - 1) * (AT_ONCE + 2));
        }
        sched_free(sched);
        ck_assert_uint_eq(wrong, 0);
        ck_assert_uint_eq(made, 4);
        ck_assert_uint_eq(released, 4);
    }
END_TEST

START_TEST(scratch_that_cannot_be_made_is_an_error_and_leaves_nothing)
    {
        struct sched_config c = config(4, 0);
        struct sched *sched;
        struct asr_error err;

        c.ctx = &c;
        ck_assert_int_eq(sched_new(&sched, &c, &err), ASR_ERR_IO);
        ck_assert_ptr_null(sched);
        ck_assert_uint_eq(made, 2);
        ck_assert_uint_eq(released, 2);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        const struct sched_config c = config(2, 0);
        enum asr_status st;
        long nth = 0;

        do {
            struct sched *sched;
            fail_alloc(nth++);
            st = sched_new(&sched, &c, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (sched != NULL));
            sched_free(sched);
            ck_assert_uint_eq(made, released);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 4); /* itself and two scratches seen to fail, then success */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("sched");
    TCase *tc = tcase_create("work");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, reset, NULL);
    tcase_add_test(tc, what_ends_requests_goes_first_then_full_batches_and_live_before_bulk);
    tcase_add_test(tc, nothing_new_is_begun_while_many_wait_for_the_network);
    tcase_add_test(tc, idle_workers_share_what_comes_at_once);
    tcase_add_test(tc, a_batch_may_wait_for_features_but_not_once_it_is_full);
    tcase_add_test(tc, a_lone_batch_does_not_wait);
    tcase_add_test(tc, a_cancelled_ticket_drops_what_waits_and_what_comes_but_not_what_runs);
    tcase_add_test(tc, a_deadline_is_kept_while_all_workers_are_busy);
    tcase_add_test(tc, many_threads_get_each_their_own_done_once);
    tcase_add_test(tc, scratch_that_cannot_be_made_is_an_error_and_leaves_nothing);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
