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

struct vocabulary;

enum asr_status vocabulary_new(struct vocabulary **out, const struct ngram *lm,
                               struct asr_error *err);
void vocabulary_free(struct vocabulary *v); /* NULL is fine */

/* The node after `node` and these bytes, which end with a 0. */
uint32_t vocabulary_next(const struct vocabulary *v, uint32_t node, const char *bytes);

/* What bytes may come next: bit (byte % 32) is set for each that may. */
uint32_t vocabulary_reach(const struct vocabulary *v, uint32_t node);

/* The word spelt by exactly this node, a word of the language model, or VOCABULARY_NONE: also for
 * <s>, </s> and <unk>, which nobody says. */
uint32_t vocabulary_word(const struct vocabulary *v, uint32_t node);

/* log10 of the highest unigram probability of the words that begin like this. */
float vocabulary_best(const struct vocabulary *v, uint32_t node);

#endif
