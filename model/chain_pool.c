#include "model/chain_pool.h"

#include <stdlib.h>
#include <string.h>

/* The lowest items are taken first. */
void chain_pool_sweep(struct chain_pool *pool)
{
    pool->n_free = 0;
    pool->first_free = CHAIN_NONE;
    for (uint32_t item = pool->capacity; item-- > 0;) {
        if (pool->marks[item])
            continue;
        *chain_pool_link(pool, item) = pool->first_free;
        pool->first_free = item;
        pool->n_free++;
    }
}

void chain_pool_free(struct chain_pool *pool)
{
    free(pool->items);
    free(pool->marks);
    *pool = (struct chain_pool){.item_bytes = pool->item_bytes};
}

void chain_pool_clear(struct chain_pool *pool)
{
    chain_pool_begin_marking(pool);
    chain_pool_sweep(pool);
}

enum asr_status chain_pool_grow(struct chain_pool *pool, uint32_t n_wanted, struct asr_error *err)
{
    uint64_t capacity = pool->capacity ? pool->capacity : 64;
    while (capacity - pool->capacity + pool->n_free < n_wanted)
        capacity *= 2;
    if (capacity >= CHAIN_NONE || capacity > SIZE_MAX / pool->item_bytes)
        return asr_fail(err, ASR_ERR_NOMEM, "decoder: more than %u labels", CHAIN_NONE - 1);

    void *items = realloc(pool->items, capacity * pool->item_bytes);
    if (items)
        pool->items = items;
    bool *marks = items ? realloc(pool->marks, capacity * sizeof(*marks)) : NULL;
    if (!marks)
        return asr_fail(err, ASR_ERR_NOMEM, "decoder of %zu labels: out of memory",
                        (size_t)capacity);
    pool->marks = marks;
    /* The new items go ahead of what was free. */
    for (uint32_t item = (uint32_t)capacity; item-- > pool->capacity;) {
        *chain_pool_link(pool, item) = pool->n_free ? pool->first_free : CHAIN_NONE;
        pool->first_free = item;
        pool->n_free++;
    }
    pool->capacity = (uint32_t)capacity;
    return ASR_OK;
}

void chain_pool_begin_marking(struct chain_pool *pool)
{
    if (pool->capacity)
        memset(pool->marks, 0, pool->capacity * sizeof(*pool->marks));
}

void chain_pool_mark(struct chain_pool *pool, uint32_t item)
{
    while (item != CHAIN_NONE && !pool->marks[item]) {
        pool->marks[item] = true;
        item = *chain_pool_link(pool, item);
    }
}
