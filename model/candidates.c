#include "model/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/kth_largest.h"

enum { ROOM = 4 };

enum asr_status candidates_init(struct candidates *c, size_t width, struct asr_error *err)
{
    *c = (struct candidates){
        .width = width,
        .items = calloc(ROOM * width, sizeof(*c->items)),
        .scores = calloc(ROOM * width, sizeof(*c->scores)),
        .selection = calloc(ROOM * width, sizeof(*c->selection)),
    };
    if (c->items && c->scores && c->selection)
        return ASR_OK;
    candidates_free(c);
    return asr_fail(err, ASR_ERR_NOMEM, "decoder of beam width %zu: out of memory", width);
}

void candidates_free(struct candidates *c)
{
    free(c->items);
    free(c->scores);
    free(c->selection);
    *c = (struct candidates){0};
}

void candidates_clear(struct candidates *c)
{
    c->n = 0;
    c->threshold = -INFINITY;
}

void candidates_add(struct candidates *c, uint32_t entry, uint32_t token, double score)
{
    if (c->n == ROOM * c->width)
        candidates_cut(c);
    c->items[c->n] = (struct candidate){entry, token};
    c->scores[c->n++] = score;
}

void candidates_cut(struct candidates *c)
{
    size_t kept = 0, above = 0;

    if (c->n > c->width) {
        memcpy(c->selection, c->scores, c->n * sizeof(*c->scores));
        c->threshold = fmax(c->threshold, kth_largest(c->selection, c->n, c->width));
    }
    for (size_t i = 0; i < c->n; i++)
        above += c->scores[i] > c->threshold;
    size_t equals_left = c->width - above;
    for (size_t i = 0; i < c->n; i++) {
        double score = c->scores[i];
        if (score < c->threshold || (score == c->threshold && equals_left == 0))
            continue;
        equals_left -= score == c->threshold;
        c->scores[kept] = score;
        c->items[kept++] = c->items[i];
    }
    c->n = kept;
}
