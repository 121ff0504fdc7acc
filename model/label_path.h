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

/* A path without labels. */
struct label_path label_path_empty(double score);

/* `from`, one frame on: in a blank, in the same label, or in a new one (one item is taken unless
 * from->saved has it). */
struct label_path label_path_blank(const struct label_path *from, float log_posterior);
struct label_path label_path_stay(const struct label_path *from, uint32_t frame,
                                  float log_posterior);
struct label_path label_path_follow(struct chain_pool *runs, struct label_path *from,
                                    uint32_t token, uint32_t frame, float log_posterior);

/* Fills out->tokens. */
enum asr_status label_path_spell(const struct chain_pool *runs, const struct label_path *path,
                                 struct hypothesis *out, struct asr_error *err);

#endif
