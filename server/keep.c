/* keep.c - see keep.h.
 *
 * Entries are on two lists: a chain of the hash table, by id, and the list of all, in the order of
 * their last use. Entries of different age are mixed in the latter, so that keep_expire() looks at
 * all of them; it is called twice a second, and there are as many as the memory bound allows (some
 * 10,000 of one second each in 64 MB).
 *
 * An entry counts its borrowers, and one more while it can be found. Whoever takes the last count
 * away frees it; its bytes count until then. */
#include "server/keep.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/request_id.h"

enum { N_CHAINS = 1024 };

struct kept {
    char id[REQUEST_ID_MAX + 1];
    double end_ms; /* of its life */
    unsigned count;
    size_t n_bytes;             /* of the whole entry */
    struct kept *chain;         /* the next with the same hash */
    struct kept *newer, *older; /* by last use */
    struct posteriors posteriors;
    float values[]; /* what they point to */
};

struct keep {
    size_t max_bytes;
    double life_ms;
    double (*clock_ms)(void);
    pthread_mutex_t lock; /* guards all below */
    size_t n_bytes;
    struct kept *chains[N_CHAINS];
    struct kept *newest, *oldest;
};

enum asr_status keep_new(struct keep **out, size_t max_bytes, double seconds,
                         double (*clock_ms)(void), struct asr_error *err)
{
    struct keep *keep = calloc(1, sizeof(*keep));

    *out = NULL;
    if (!keep)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    keep->max_bytes = max_bytes;
    keep->life_ms = seconds * 1e3;
    keep->clock_ms = clock_ms;
    pthread_mutex_init(&keep->lock, NULL);
    *out = keep;
    return ASR_OK;
}

/* ---- with the lock held -----------------------------------------------------------------------
 */

/* FNV-1a. Ids may be the clients' own: who makes theirs collide slows their own requests, by what a
 * walk of the list of all would take. */
static struct kept **chain_of(struct keep *keep, const char *id)
{
    uint32_t hash = 2166136261U;

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619U;
    return &keep->chains[hash % N_CHAINS];
}

static struct kept *find(struct keep *keep, const char *id)
{
    struct kept *kept = *chain_of(keep, id);

    while (kept && strcmp(kept->id, id) != 0)
        kept = kept->chain;
    return kept;
}

static void uncount(struct keep *keep, struct kept *kept)
{
    assert(kept->count > 0);
    if (--kept->count > 0)
        return;
    keep->n_bytes -= kept->n_bytes;
    free(kept);
}

static void unlink_use(struct keep *keep, struct kept *kept)
{
    *(kept->newer ? &kept->newer->older : &keep->newest) = kept->older;
    *(kept->older ? &kept->older->newer : &keep->oldest) = kept->newer;
}

static void link_newest(struct keep *keep, struct kept *kept)
{
    kept->newer = NULL;
    kept->older = keep->newest;
    *(keep->newest ? &keep->newest->newer : &keep->oldest) = kept;
    keep->newest = kept;
}

/* It is not found any more. */
static void drop(struct keep *keep, struct kept *kept)
{
    struct kept **at = chain_of(keep, kept->id);

    while (*at != kept)
        at = &(*at)->chain;
    *at = kept->chain;
    unlink_use(keep, kept);
    uncount(keep, kept);
}

static void link_chain(struct keep *keep, struct kept *kept)
{
    struct kept **chain = chain_of(keep, kept->id);

    kept->chain = *chain;
    *chain = kept;
}

static void drop_id(struct keep *keep, const char *id)
{
    struct kept *kept = find(keep, id);

    if (kept)
        drop(keep, kept);
}

/* Drops what was used longest ago. False when there is not room for n_bytes even so. */
static bool make_room(struct keep *keep, size_t n_bytes)
{
    if (n_bytes > keep->max_bytes)
        return false;
    while (keep->n_bytes > keep->max_bytes - n_bytes && keep->oldest)
        drop(keep, keep->oldest);
    return keep->n_bytes <= keep->max_bytes - n_bytes;
}

/* ---- any thread -------------------------------------------------------------------------------
 */

void keep_free(struct keep *keep)
{
    if (!keep)
        return;
    while (keep->oldest)
        drop(keep, keep->oldest);
    assert(keep->n_bytes == 0); /* nothing is lent out */
    pthread_mutex_destroy(&keep->lock);
    free(keep);
}

/* An entry's bytes; false for what cannot be kept. */
static bool size_of(const struct posteriors *posteriors, size_t *n_floats, size_t *n_bytes)
{
    return !__builtin_mul_overflow(posteriors->frames, posteriors->tokens, n_floats) &&
           !__builtin_mul_overflow(*n_floats, sizeof(float), n_bytes) &&
           !__builtin_add_overflow(*n_bytes, sizeof(struct kept), n_bytes);
}

static struct kept *copy_of(const struct keep *keep, const char *id,
                            const struct posteriors *posteriors, size_t n_floats, size_t n_bytes)
{
    struct kept *kept = malloc(n_bytes);

    if (!kept)
        return NULL;
    *kept = (struct kept){.count = 1, .n_bytes = n_bytes, .posteriors = *posteriors};
    memcpy(kept->id, id, strlen(id) + 1);
    if (n_floats > 0)
        memcpy(kept->values, posteriors->log_posteriors, n_floats * sizeof(float));
    kept->posteriors.log_posteriors = kept->values;
    kept->end_ms = keep->clock_ms() + keep->life_ms;
    return kept;
}

/* Room is reserved first, so that the copy can be made without the lock. */
bool keep_put(struct keep *keep, const char *id, const struct posteriors *posteriors)
{
    size_t n_floats, n_bytes;

    if (strlen(id) > REQUEST_ID_MAX || !size_of(posteriors, &n_floats, &n_bytes))
        return false;
    pthread_mutex_lock(&keep->lock);
    drop_id(keep, id);
    bool fits = make_room(keep, n_bytes);
    if (fits)
        keep->n_bytes += n_bytes;
    pthread_mutex_unlock(&keep->lock);
    if (!fits)
        return false;

    struct kept *kept = copy_of(keep, id, posteriors, n_floats, n_bytes);
    pthread_mutex_lock(&keep->lock);
    if (kept) {
        drop_id(keep, id); /* another request with the same id may have been quicker */
        link_chain(keep, kept);
        link_newest(keep, kept);
    } else {
        keep->n_bytes -= n_bytes;
    }
    pthread_mutex_unlock(&keep->lock);
    return kept != NULL;
}

struct kept *keep_borrow(struct keep *keep, const char *id)
{
    double now_ms = keep->clock_ms();

    pthread_mutex_lock(&keep->lock);
    struct kept *kept = find(keep, id);
    if (kept && now_ms >= kept->end_ms) {
        drop(keep, kept);
        kept = NULL;
    }
    if (kept) {
        kept->count++;
        unlink_use(keep, kept);
        link_newest(keep, kept);
    }
    pthread_mutex_unlock(&keep->lock);
    return kept;
}

const struct posteriors *kept_posteriors(const struct kept *kept)
{
    return &kept->posteriors;
}

void keep_release(struct keep *keep, struct kept *kept)
{
    pthread_mutex_lock(&keep->lock);
    uncount(keep, kept);
    pthread_mutex_unlock(&keep->lock);
}

void keep_expire(struct keep *keep)
{
    double now_ms = keep->clock_ms();

    pthread_mutex_lock(&keep->lock);
    for (struct kept *kept = keep->oldest, *newer; kept; kept = newer) {
        newer = kept->newer;
        if (now_ms >= kept->end_ms)
            drop(keep, kept);
    }
    pthread_mutex_unlock(&keep->lock);
}

size_t keep_bytes(struct keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    size_t n_bytes = keep->n_bytes;
    pthread_mutex_unlock(&keep->lock);
    return n_bytes;
}
