#include "model/beam_entry.h"

#include "model/prefix_tree.h"

static void link_child(struct beam_entry *entries, uint32_t parent, uint32_t child)
{
    entries[child].parent = parent;
    if (parent == CHAIN_NONE)
        return;
    entries[child].next_sibling = entries[parent].first_child;
    entries[parent].first_child = child;
}

void beam_entries_link(struct beam_entry *entries, uint32_t n, const uint32_t *moved)
{
    for (uint32_t i = 0; i < n; i++)
        entries[i].first_child = CHAIN_NONE;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t parent = entries[i].parent;
        link_child(entries, parent == CHAIN_NONE ? CHAIN_NONE : moved[parent], i);
    }
}

/* Entries seldom come back, so only here do nodes learn where their entries are: kept up to date,
 * that would be three random reads for each entry and frame. What a node still knows of another
 * beam is seen to be false when the entry there is not of this node. */
void beam_entries_adopt(struct beam_entry *entries, uint32_t n_kept, uint32_t n,
                        const struct chain_pool *tree)
{
    for (uint32_t i = 0; i < n_kept; i++)
        prefix_at(tree, entries[i].node)->entry = i;
    for (uint32_t i = n_kept; i < n; i++) {
        uint32_t node = prefix_at(tree, entries[i].node)->first_child;
        for (; node != CHAIN_NONE; node = prefix_at(tree, node)->next_sibling) {
            uint32_t child = prefix_at(tree, node)->entry;
            if (child < n_kept && entries[child].node == node)
                link_child(entries, i, child);
        }
    }
}
