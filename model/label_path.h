/* label_path.h - one path of frames through a label sequence: where each label's run of frames
 * lies.
 *
 * Paths share their beginnings: all runs but the last are items of a chain pool. The last is in the
 * struct itself, since it may still grow. */
#ifndef MODEL_LABEL_PATH_H
#define MODEL_LABEL_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/chain_pool.h"
#include "model/hypothesis.h"

struct label_run {
    uint32_t before; /* chain_pool's link */
    struct hypothesis_token token;
};

struct label_path {
    double score;                /* natural log; -INFINITY when there is no such path */
    uint32_t before;             /* run, or CHAIN_NONE */
    uint32_t saved;              /* the last run as an item, once it was needed; else CHAIN_NONE */
    struct hypothesis_token run; /* the last; not set when `token` is CHAIN_NONE */
};

static inline struct label_run *label_run_at(const struct chain_pool *runs, uint32_t run)
{
    return (struct label_run *)runs->items + run;
}

/* A path without labels. */
static inline struct label_path label_path_empty(double score)
{
    return (struct label_path){
        .score = score, .before = CHAIN_NONE, .saved = CHAIN_NONE, .run = {.token = CHAIN_NONE}};
}

/* `from`, one frame on: in a blank, in the same label, or in a new one (one item is taken unless
 * from->saved has it). Three times for each entry of a beam and frame, so not behind a call. */
static inline struct label_path label_path_blank(const struct label_path *from, float log_posterior)
{
    struct label_path path = *from;

    path.score += (double)log_posterior;
    path.saved = CHAIN_NONE; /* only what `before` leads to outlives a collection */
    return path;
}

static inline struct label_path label_path_stay(const struct label_path *from, uint32_t frame,
                                                float log_posterior)
{
    struct label_path path = label_path_blank(from, log_posterior);

    path.run.last_frame = frame;
    if (log_posterior > path.run.log_posterior)
        path.run.log_posterior = log_posterior;
    return path;
}

static inline struct label_path label_path_follow(struct chain_pool *runs, struct label_path *from,
                                                  uint32_t token, uint32_t frame,
                                                  float log_posterior)
{
    if (from->run.token != CHAIN_NONE && from->saved == CHAIN_NONE) {
        from->saved = chain_pool_take(runs, from->before);
        label_run_at(runs, from->saved)->token = from->run;
    }
    return (struct label_path){
        .score = from->score + (double)log_posterior,
        .before = from->saved,
        .saved = CHAIN_NONE,
        .run = {token, frame, frame, log_posterior},
    };
}

/* Fills out->tokens. */
enum asr_status label_path_spell(const struct chain_pool *runs, const struct label_path *path,
                                 struct hypothesis *out, struct asr_error *err);

#endif
