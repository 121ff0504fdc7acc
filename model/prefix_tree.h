/* prefix_tree.h - label sequences as a tree: one node for each, found by its parent and last label.
 *
 * What a sequence is worth to the language model depends on it alone, so it is kept here: nodes are
 * often found again, frames after their hypothesis left the beam. */
#ifndef MODEL_PREFIX_TREE_H
#define MODEL_PREFIX_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/chain_pool.h"
#include "model/fusion.h"

#define PREFIX_ROOT 0u

struct prefix_node {
    uint32_t parent; /* chain_pool's link */
    uint32_t token;  /* CHAIN_NONE for the root */
    uint32_t first_child, next_sibling;
    uint32_t entry;                         /* in the beam: the search's note, may be out of date */
    bool knows_word_end;                    /* whether `after_word` is set */
    struct fusion_state fusion, after_word; /* after_word: with a word separator behind it */
};

static inline struct prefix_node *prefix_at(const struct chain_pool *tree, uint32_t node)
{
    return (struct prefix_node *)tree->items + node;
}

/* An empty tree but for the root; one item must be free. */
void prefix_tree_start(struct chain_pool *tree, const struct fusion_state *fusion);

/* CHAIN_NONE when it is not there. */
uint32_t prefix_tree_find(const struct chain_pool *tree, uint32_t parent, uint32_t token);
/* Takes one item. */
uint32_t prefix_tree_add(struct chain_pool *tree, uint32_t parent, uint32_t token,
                         const struct fusion_state *fusion);

/* Ends a collection: marked nodes stay, and their children with them if marked. */
void prefix_tree_sweep(struct chain_pool *tree);

#endif
