/* phrases.h - phrases that a request expects to hear, as an automaton that walks along with a
 * hypothesis and rewards it.
 *
 * A phrase counts wherever its words occur one after the other: each occurrence adds its weight
 * (natural log). While one is being spelt, the hypothesis is lent a part of the weight, as much of
 * it as there is of the phrase; the loan ends when the phrase is complete or breaks. So what
 * a finished text has been given depends on the text alone, and the search is drawn towards
 * phrases before they are complete.
 *
 * Source: Aho and Corasick 1975, over bytes; failure links lead to suffixes that begin with a
 * word only. A step costs as many links as the phrase has words at the worst, whatever the
 * number of phrases. Immutable; any number of threads. */
#ifndef MODEL_PHRASES_H
#define MODEL_PHRASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/config.h"

enum { PHRASES_MAX = 1000, PHRASE_MAX_BYTES = 256 };
#define PHRASE_MAX_WEIGHT 100.0

struct phrases;

struct phrase {
    const char *text; /* UTF-8, words separated by white space */
    double weight;    /* above 0 */
};

/* A phrase that the model cannot spell, and why, in words for the user. */
struct phrase_problem {
    size_t phrase; /* index into the list */
    struct asr_error why;
};

/* Phrases are spelt as model/labels.h does it: case and punctuation do not matter. What cannot be
 * is left out and listed: phrases_problems(). ASR_ERR_LIMIT: more than PHRASES_MAX.
 * ASR_ERR_INVALID: a weight that is not in (0, PHRASE_MAX_WEIGHT]. */
enum asr_status phrases_new(struct phrases **out, const struct model_config *config,
                            const struct phrase *list, size_t n, struct asr_error *err);
void phrases_free(struct phrases *p); /* NULL is fine */

const struct phrase_problem *phrases_problems(const struct phrases *p, size_t *n);

/* States. Before a text, and after a word with which no phrase begins: */
#define PHRASES_START 0u
/* Inside a word that no phrase has here: */
#define PHRASES_OUTSIDE UINT32_MAX

/* After more letters of a word; `bytes` end with a 0. */
uint32_t phrases_next(const struct phrases *p, uint32_t state, const char *bytes);

/* After the end of a word; *reward is what the phrases that end with it have earned. */
uint32_t phrases_word_end(const struct phrases *p, uint32_t state, double *reward);

/* What is lent in this state. */
double phrases_loan(const struct phrases *p, uint32_t state);

/* Whether a word that ends in this state is a phrase's word in its place. */
bool phrases_expect_end(const struct phrases *p, uint32_t state);

/* The most that one token may add to a loan, for pruning. */
double phrases_max_step(const struct phrases *p);

#endif
