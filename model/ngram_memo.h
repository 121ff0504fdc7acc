/* ngram_memo.h - the last answers of a language model.
 *
 * The hypotheses of a beam mostly differ in words that are out of the model's sight, so that they
 * ask for the same word after the same context. A table without chains: an answer takes the place
 * of another one. One thread at a time. */
#ifndef MODEL_NGRAM_MEMO_H
#define MODEL_NGRAM_MEMO_H

#include <stdint.h>
#include <string.h>

#include "model/ngram.h"

enum { NGRAM_MEMO_BITS = 10 };

struct ngram_memo {
    struct {
        uint32_t context, word; /* word UINT32_MAX: no answer */
        uint32_t next;
        float log10_probability;
    } answers[1 << NGRAM_MEMO_BITS];
};

/* Must be called before the first question, and when the model changes. */
static inline void ngram_memo_clear(struct ngram_memo *memo)
{
    memset(memo, 0xff, sizeof(*memo));
}

/* ngram_score(), but for the order that matched. */
static inline float ngram_memo_score(struct ngram_memo *memo, const struct ngram *lm,
                                     struct ngram_state in, uint32_t word, struct ngram_state *out)
{
    /* Multipliers near 2^32 divided by the golden ratio and by its square: both numbers reach the
     * upper bits. */
    uint32_t slot =
        (in.node * UINT32_C(2654435769) + word * UINT32_C(1640531527)) >> (32 - NGRAM_MEMO_BITS);

    if (memo->answers[slot].context != in.node || memo->answers[slot].word != word) {
        struct ngram_state next;
        float log10_probability = ngram_score(lm, in, word, &next).log10_probability;
        memo->answers[slot].context = in.node;
        memo->answers[slot].word = word;
        memo->answers[slot].next = next.node;
        memo->answers[slot].log10_probability = log10_probability;
    }
    out->node = memo->answers[slot].next;
    return memo->answers[slot].log10_probability;
}

#endif
