#include "model/candidates.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/kth_largest.h"

enum asr_status candidates_init(struct candidates *c, size_t width, struct asr_error *err)
{
    *c = (struct candidates){
        .width = width,
        .items = calloc(CANDIDATES_ROOM * width, sizeof(*c->items)),
        .scores = calloc(CANDIDATES_ROOM * width, sizeof(*c->scores)),
        .bins = calloc(CANDIDATES_ROOM * width, sizeof(*c->bins)),
        .selection = calloc(CANDIDATES_ROOM * width, sizeof(*c->selection)),
    };
    if (c->items && c->scores && c->bins && c->selection)
        return ASR_OK;
    candidates_free(c);
    return asr_fail(err, ASR_ERR_NOMEM, "decoder of beam width %zu: out of memory", width);
}

void candidates_free(struct candidates *c)
{
    free(c->items);
    free(c->scores);
    free(c->bins);
    free(c->selection);
    *c = (struct candidates){0};
}

void candidates_start(struct candidates *c, double threshold, double top)
{
    /* Far below the top a single bin will do, however wide the margin. */
    enum { SPAN = 48 };

    c->n = 0;
    c->threshold = threshold;
    c->bottom = fmax(threshold, top - SPAN);
    c->bins_per_unit = top > c->bottom ? CANDIDATES_BINS / (top - c->bottom) : 0.0;
    memset(c->in_bin, 0, sizeof(c->in_bin));
    c->n_upper = 0;
    c->lowest = 0;
}

void candidates_raise(struct candidates *c)
{
    while (c->n_upper - c->in_bin[c->lowest] >= c->width)
        c->n_upper -= c->in_bin[c->lowest++];

    /* Just below whatever the bin can hold, by far more than the bins' sums are rounded; should
     * this one be rounded up to the least of the bin, another candidate like that would come too
     * late. */
    c->threshold = fmax(c->threshold, c->bottom + (c->lowest - 0.01) / c->bins_per_unit);
}

/* The score of the worst that has a place, when there are too many. It is in the lowest bin: there
 * are not enough above it, and enough with it. */
static double worst_to_keep(struct candidates *c)
{
    size_t above = 0, n = 0;

    for (size_t i = 0; i < c->n; i++) {
        c->selection[n] = c->scores[i];
        n += c->bins[i] == c->lowest;
        above += c->bins[i] > c->lowest;
    }
    return kth_largest(c->selection, n, c->width - above);
}

void candidates_cut(struct candidates *c)
{
    size_t kept = 0, above = 0;

    if (c->n > c->width)
        c->threshold = fmax(c->threshold, worst_to_keep(c));
    for (size_t i = 0; i < c->n; i++)
        above += c->scores[i] > c->threshold;
    size_t equals_left = c->width - above;
    /* Scores are in no order, so the outcome moves the end of the list and is not branched on. */
    for (size_t i = 0; i < c->n; i++) {
        double score = c->scores[i];
        bool equal = score == c->threshold && equals_left > 0;
        c->scores[kept] = score;
        c->items[kept] = c->items[i];
        c->bins[kept] = c->bins[i];
        equals_left -= equal;
        kept += (score > c->threshold) | equal;
    }
    c->n = kept;
}
