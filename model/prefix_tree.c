#include "model/prefix_tree.h"

void prefix_tree_start(struct chain_pool *tree, const struct fusion_state *fusion)
{
    chain_pool_clear(tree);
    uint32_t root = chain_pool_take(tree, CHAIN_NONE);
    *prefix_at(tree, root) = (struct prefix_node){
        .parent = CHAIN_NONE,
        .token = CHAIN_NONE,
        .first_child = CHAIN_NONE,
        .next_sibling = CHAIN_NONE,
        .entry = CHAIN_NONE,
        .fusion = *fusion,
    };
}

uint32_t prefix_tree_find(const struct chain_pool *tree, uint32_t parent, uint32_t token)
{
    uint32_t child = prefix_at(tree, parent)->first_child;

    while (child != CHAIN_NONE && prefix_at(tree, child)->token != token)
        child = prefix_at(tree, child)->next_sibling;
    return child;
}

uint32_t prefix_tree_add(struct chain_pool *tree, uint32_t parent, uint32_t token,
                         const struct fusion_state *fusion)
{
    uint32_t child = chain_pool_take(tree, parent);
    struct prefix_node *p = prefix_at(tree, parent);

    *prefix_at(tree, child) = (struct prefix_node){
        .parent = parent,
        .token = token,
        .first_child = CHAIN_NONE,
        .next_sibling = p->first_child,
        .entry = CHAIN_NONE,
        .fusion = *fusion,
    };
    p->first_child = child;
    return child;
}

void prefix_tree_sweep(struct chain_pool *tree)
{
    for (uint32_t n = 0; n < tree->capacity; n++)
        if (tree->marks[n])
            prefix_at(tree, n)->first_child = CHAIN_NONE;
    for (uint32_t n = 0; n < tree->capacity; n++) {
        struct prefix_node *node = prefix_at(tree, n);
        if (!tree->marks[n] || node->parent == CHAIN_NONE)
            continue;
        node->next_sibling = prefix_at(tree, node->parent)->first_child;
        prefix_at(tree, node->parent)->first_child = n;
    }
    chain_pool_sweep(tree);
}
