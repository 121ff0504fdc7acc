/* candidates.h - what may be in the next beam: a bounded list that keeps the best.
 *
 * A histogram of the scores follows along. As soon as `width` candidates lie in its upper bins,
 * whatever would fall below these is out, so that the threshold is near its final value long before
 * the last candidate is seen, and what is left to select from in the end is one bin. There is room
 * for four beams; when it is full, which is rare, the list is cut to one. */
#ifndef MODEL_CANDIDATES_H
#define MODEL_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/fusion.h"

enum {
    CANDIDATES_ROOM = 4, /* beams */
    CANDIDATES_BINS = 128,
};

struct candidate {
    uint32_t entry; /* of the beam */
    uint32_t token; /* that extends it; CHAIN_NONE: the entry itself, one frame on */
    struct fusion_spelling spelling; /* not for the word separator, nor for the entry itself */
};

struct candidates {
    size_t width;            /* to be kept */
    struct candidate *items; /* [n <= 4 width], in the order in which they were added */
    double *scores;          /* [n] */
    uint8_t *bins;           /* [n] */
    double *selection;       /* scratch */
    size_t n;
    double threshold; /* candidates below are out; only ever raised until all are cleared */

    double bottom, bins_per_unit;
    uint32_t in_bin[CANDIDATES_BINS]; /* ever added */
    size_t n_upper;                   /* the same, in bin `lowest` and above */
    unsigned lowest;                  /* candidates in the bins below are out */
};

enum asr_status candidates_init(struct candidates *c, size_t width, struct asr_error *err);
void candidates_free(struct candidates *c); /* all zero is fine */

/* Forgets all. Scores are expected between the threshold and `top`; any other one costs time only.
 */
void candidates_start(struct candidates *c, double threshold, double top);

/* Keeps the best `width`, in their order. Among equals the first ones stay. */
void candidates_cut(struct candidates *c);

/* Raises the threshold to the bins that hold a beam's width. */
void candidates_raise(struct candidates *c);

/* Never falls where the score rises, which is what makes the bins safe to prune by. */
static inline unsigned candidates_bin(const struct candidates *c, double score)
{
    double bin = (score - c->bottom) * c->bins_per_unit;

    if (bin >= CANDIDATES_BINS - 1)
        return CANDIDATES_BINS - 1;
    return bin > 0.0 ? (unsigned)bin : 0; /* NaN: not above 0 */
}

/* The new candidate, for the caller to fill in. A score is a number or -INFINITY, and not below the
 * threshold. */
static inline struct candidate *candidates_add(struct candidates *c, double score)
{
    unsigned bin = candidates_bin(c, score);

    if (c->n == CANDIDATES_ROOM * c->width)
        candidates_cut(c);
    c->bins[c->n] = (uint8_t)bin;
    c->scores[c->n] = score;
    c->in_bin[bin]++;
    c->n_upper += bin >= c->lowest;
    if (c->n_upper - c->in_bin[c->lowest] >= c->width)
        candidates_raise(c);
    return &c->items[c->n++];
}

#endif
