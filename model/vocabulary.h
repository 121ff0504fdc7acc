/* vocabulary.h - the words of a language model as a tree of bytes: which words can still become of
 * what has been spelt so far, and how likely the best of them is.
 *
 * Bytes and not the acoustic model's tokens, so that one tree serves any set of tokens. Built in
 * memory from a compiled model: 17 bytes a node, 4 MB for 100,000 English words, in some 50 ms.
 * Immutable; shared by all threads; the language model must outlive the call only. */
#ifndef MODEL_VOCABULARY_H
#define MODEL_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/ngram.h"

#define VOCABULARY_ROOT 0u         /* nothing spelt yet */
#define VOCABULARY_NONE UINT32_MAX /* no word begins like this; no word */

/* Open to view, because a search spells several times for each of its hypotheses and frames. */
struct vocabulary_node {
    uint32_t first_child; /* children are neighbours, and end where the next node's begin */
    uint32_t reach;       /* bit (byte % 32) is set for each byte that leads to a child */
    uint32_t word;
    float best;
};

struct vocabulary {
    struct vocabulary_node *nodes; /* [n_nodes + 1] */
    unsigned char *bytes; /* [n_nodes] that lead to each node; apart, so that a search is a scan */
    uint32_t n_nodes;
};

enum asr_status vocabulary_new(struct vocabulary **out, const struct ngram *lm,
                               struct asr_error *err);
void vocabulary_free(struct vocabulary *v); /* NULL is fine */

static inline uint32_t vocabulary_child(const struct vocabulary *v, uint32_t node,
                                        unsigned char byte)
{
    const struct vocabulary_node *n = &v->nodes[node];
    uint32_t child = n->first_child, end = n[1].first_child;

    if (!(n->reach >> byte % 32 & 1))
        return VOCABULARY_NONE;
    while (child < end && v->bytes[child] != byte)
        child++;
    return child < end ? child : VOCABULARY_NONE;
}

/* The node after `node` and these bytes, which end with a 0. */
static inline uint32_t vocabulary_next(const struct vocabulary *v, uint32_t node, const char *bytes)
{
    for (; *bytes && node != VOCABULARY_NONE; bytes++)
        node = vocabulary_child(v, node, (unsigned char)*bytes);
    return node;
}

/* What bytes may come next: bit (byte % 32) is set for each that may. */
static inline uint32_t vocabulary_reach(const struct vocabulary *v, uint32_t node)
{
    return v->nodes[node].reach;
}

/* The word spelt by exactly this node, a word of the language model, or VOCABULARY_NONE: also for
 * <s>, </s> and <unk>, which nobody says. */
static inline uint32_t vocabulary_word(const struct vocabulary *v, uint32_t node)
{
    return node == VOCABULARY_NONE ? VOCABULARY_NONE : v->nodes[node].word;
}

/* log10 of the highest unigram probability of the words that begin like this. */
static inline float vocabulary_best(const struct vocabulary *v, uint32_t node)
{
    return v->nodes[node].best;
}

#endif
