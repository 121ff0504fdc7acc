/* chain_pool.h - items that each point to an older one: the label sequences of a beam, which share
 * their beginnings.
 *
 * What no chain reaches any more is found by marking and then used again, so that memory follows
 * what is alive and not the length of the recording; a walk over everything alive, but only when
 * the free items have run out, and the pool is doubled when that frees less than half of it.
 * Counting references instead would touch every chain's end in every frame.
 *
 * One thread at a time. Zero but for item_bytes is an empty pool. */
#ifndef MODEL_CHAIN_POOL_H
#define MODEL_CHAIN_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

#define CHAIN_NONE UINT32_MAX

struct chain_pool {
    size_t item_bytes; /* of the owner's struct, which begins with its uint32_t link */
    void *items;       /* [capacity] */
    bool *marks;       /* [capacity] */
    uint32_t capacity;
    uint32_t n_free, first_free; /* free items are linked through their links */
};

static inline uint32_t *chain_pool_link(const struct chain_pool *pool, uint32_t item)
{
    return (uint32_t *)(void *)((char *)pool->items + item * pool->item_bytes);
}

void chain_pool_free(struct chain_pool *pool);

/* Forgets all items, keeps the memory. */
void chain_pool_clear(struct chain_pool *pool);

/* Doubles the capacity until n_wanted items are free. */
enum asr_status chain_pool_grow(struct chain_pool *pool, uint32_t n_wanted, struct asr_error *err);

/* A free item with this link, the rest of it not set; one must be left. */
static inline uint32_t chain_pool_take(struct chain_pool *pool, uint32_t link)
{
    uint32_t item = pool->first_free;

    assert(pool->n_free > 0);
    pool->first_free = *chain_pool_link(pool, item);
    pool->n_free--;
    *chain_pool_link(pool, item) = link;
    return item;
}

/* Collecting: begin, mark every chain that is to live, sweep. */
void chain_pool_begin_marking(struct chain_pool *pool);
void chain_pool_mark(struct chain_pool *pool,
                     uint32_t item); /* and all it leads to; NONE is fine */
void chain_pool_sweep(struct chain_pool *pool);

#endif
