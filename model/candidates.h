/* candidates.h - what may be in the next beam: a bounded list that keeps the best.
 *
 * There is room for four beams. When it is full it is cut to one, by selection and not by sorting,
 * so that a candidate costs a constant time; whatever is below the worst that was kept need not be
 * added any more. */
#ifndef MODEL_CANDIDATES_H
#define MODEL_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct candidate {
    uint32_t entry; /* of the beam */
    uint32_t token; /* that extends it; CHAIN_NONE: the entry itself, one frame on */
};

struct candidates {
    size_t width;            /* to be kept */
    struct candidate *items; /* [n <= 4 width], in the order in which they were added */
    double *scores;          /* [n] */
    double *selection;       /* scratch */
    size_t n;
    double threshold; /* candidates below are out; only ever raised until all are cleared */
};

enum asr_status candidates_init(struct candidates *c, size_t width, struct asr_error *err);
void candidates_free(struct candidates *c); /* all zero is fine */

void candidates_clear(struct candidates *c);

/* A score is a number or -INFINITY. */
void candidates_add(struct candidates *c, uint32_t entry, uint32_t token, double score);

/* Keeps the best `width`, in their order. Among equals the first ones stay. */
void candidates_cut(struct candidates *c);

#endif
