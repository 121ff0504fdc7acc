/* fusion.h - what a hypothesis is worth beside its sounds: language model and phrases, token by
 * token.
 *
 * Shallow fusion (Gulcehre et al. 2015). For every finished word w:
 *
 *   alpha ln P(w | words before) + beta - (w is no word of the model ? unknown_penalty : 0)
 *
 * and, when the sentence ends, alpha ln P(</s> | words). A word that is not finished yet has been
 * charged for the best unigram that it can become, so that hypotheses inside and after words
 * can be compared; the exact price replaces it at the word's end. Phrases add what phrases.h
 * says, and a word in its place in a phrase pays no unknown_penalty. */
#ifndef MODEL_FUSION_H
#define MODEL_FUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "model/ngram.h"
#include "model/ngram_memo.h"
#include "model/phrases.h"
#include "model/vocabulary.h"

/* Depends on a hypothesis's labels only. `score` is all so far, charges and loans included. */
struct fusion_state {
    double score;
    double finished;    /* of the finished words alone */
    uint32_t context;   /* ngram_state */
    uint32_t spelt;     /* vocabulary node of the unfinished word; VOCABULARY_ROOT between words */
    uint32_t in_phrase; /* phrases state */
};

/* Read-only while in use; borrows what it points to. */
struct fusion {
    const struct model_config *config;   /* its tokens */
    const struct ngram *lm;              /* NULL: none */
    const struct vocabulary *vocabulary; /* of `lm` */
    const struct phrases *phrases;       /* NULL: none */
    double alpha, beta;                  /* natural log */
    double unknown_penalty;              /* not negative */
    bool closed_vocabulary; /* only words of `lm`, and of phrases in their place, are possible */
    bool score_sentence_end;
    const struct fusion_state *context; /* after which a text goes on; NULL: it begins a sentence */
};

struct fusion_state fusion_start(const struct fusion *f);

/* The state after one more token. A score of -INFINITY: impossible. */
struct fusion_state fusion_next(const struct fusion *f, const struct fusion_state *in,
                                uint32_t token);

/* The same in two parts, for a search that asks far more often than it goes on: all that a token
 * other than the word separator changes, and the state that it makes of `in` ... */
struct fusion_spelling {
    double score;
    uint32_t spelt, in_phrase;
};
struct fusion_spelling fusion_spell(const struct fusion *f, const struct fusion_state *in,
                                    uint32_t token);
static inline struct fusion_state fusion_spelt(const struct fusion_state *in,
                                               const struct fusion_spelling *spelling)
{
    return (struct fusion_state){
        .score = spelling->score,
        .finished = in->finished,
        .context = in->context,
        .spelt = spelling->spelt,
        .in_phrase = spelling->in_phrase,
    };
}
/* ... and the separator. `memo` is of this language model, or NULL. */
struct fusion_state fusion_end_word(const struct fusion *f, struct ngram_memo *memo,
                                    const struct fusion_state *in);

/* What the text is worth when it ends here. */
double fusion_end(const struct fusion *f, const struct fusion_state *in);

/* For pruning before fusion_next() is asked: the most by which a token other than the word
 * separator may raise a score, `inside` if bit (first byte % 32) is set in `letters`, else
 * `outside`. */
struct fusion_reach {
    uint32_t letters;
    double inside, outside;
};
struct fusion_reach fusion_reach(const struct fusion *f, const struct fusion_state *in);

/* The same for the separator. */
double fusion_max_word_end_gain(const struct fusion *f, const struct fusion_state *in);

#endif
