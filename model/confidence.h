/* confidence.h - how sure one may be of each word: a number that is right as often as it says.
 *
 * The stretch of frames between a word's neighbours is decoded once more by itself, after the words
 * before it. A word's share is the part of the probability of all hypotheses of that stretch which
 * is on the word alone: what competes with it, and nothing else. What the whole recording's beam
 * ends with was tried for this and is worth half as much: its hypotheses differ in the last few
 * words only, so that all others have a share of 1.
 *
 * A logistic map, fitted to recordings whose text is known, makes a probability of the share and
 * the word's acoustic posterior:
 *
 *   confidence = 1 / (1 + exp(-(bias + share_weight logit(share) + posterior_weight ln p)))
 *
 * The share counts as at least 0.01 and at most 0.99. p is the geometric mean of the word's token
 * posteriors. The map comes with the model (struct confidence_map, model/config.h);
 * tests/bench/confidence.py fits it. */
#ifndef MODEL_CONFIDENCE_H
#define MODEL_CONFIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/ctc_beam.h"
#include "model/fusion.h"
#include "model/hypothesis.h"

/* The search over a word's stretch. */
extern const struct ctc_beam_config confidence_search;

struct word_confidence {
    double share;              /* in [0, 1] */
    double mean_log_posterior; /* natural log, not above 0 */
    double confidence;         /* in (0, 1) */
};

/* Scratch: one thread at a time. */
struct confidence;

enum asr_status confidence_new(struct confidence **out, size_t n_tokens, size_t blank,
                               const struct ctc_beam_config *search, struct asr_error *err);
void confidence_free(struct confidence *c); /* NULL is fine */

/* What a word is and was decoded with. Borrowed for the call. */
struct confidence_problem {
    const float *log_posteriors; /* [frames, n_tokens] */
    size_t frames;
    const struct hypothesis *best;
    uint32_t separator;
    const struct fusion *fusion; /* NULL: none */
};

/* *out is an array of *n_words, one for each run of tokens between separators: the scratch's own,
 * good until its next use. Fails for want of memory only. */
enum asr_status confidence_words(struct confidence *c, const struct confidence_problem *problem,
                                 const struct confidence_map *map,
                                 const struct word_confidence **out, size_t *n_words,
                                 struct asr_error *err);

#endif
