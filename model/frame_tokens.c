#include "model/frame_tokens.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum asr_status frame_tokens_init(struct frame_tokens *f, size_t n_tokens, size_t blank,
                                  size_t max_tokens, float min_log_posterior, struct asr_error *err)
{
    *f = (struct frame_tokens){
        .n_tokens = n_tokens,
        .blank = blank,
        .limit = max_tokens ? max_tokens : n_tokens,
        .min_log_posterior = min_log_posterior,
        .row = calloc(n_tokens, sizeof(*f->row)),
        .tried = calloc(n_tokens, sizeof(*f->tried)),
    };
    if (f->row && f->tried)
        return ASR_OK;
    frame_tokens_free(f);
    return asr_fail(err, ASR_ERR_NOMEM, "decoder of %zu tokens: out of memory", n_tokens);
}

void frame_tokens_free(struct frame_tokens *f)
{
    free(f->row);
    free(f->tried);
    *f = (struct frame_tokens){0};
}

/* Insertion sort with a cut at the limit: few tokens pass min_log_posterior. */
static void try_token(struct frame_tokens *f, uint32_t token)
{
    const float *row = f->row;
    size_t at = f->n_tried;

    if (at == f->limit && row[token] <= row[f->tried[at - 1]])
        return;
    if (at < f->limit)
        f->n_tried++;
    else
        at--;
    for (; at > 0 && row[f->tried[at - 1]] < row[token]; at--)
        f->tried[at] = f->tried[at - 1];
    f->tried[at] = token;
}

void frame_tokens_read(struct frame_tokens *f, const float *log_posteriors)
{
    uint32_t best = 0;
    float best_value = -INFINITY;

    f->n_tried = 0;
    for (uint32_t k = 0; k < f->n_tokens; k++) {
        /* Not a number, and infinity, would spread to every score: such a token cannot be. */
        float value = log_posteriors[k] <= FLT_MAX ? log_posteriors[k] : -INFINITY;
        f->row[k] = value;
        if (k == f->blank || value == -INFINITY)
            continue;
        if (value >= f->min_log_posterior)
            try_token(f, k);
        if (value > best_value) {
            best_value = value;
            best = k;
        }
    }
    if (f->n_tried == 0 && best_value > -INFINITY)
        try_token(f, best);
}
