/* hypothesis.h - one decoded label sequence: what CTC decoders give and words are made of. */
#ifndef MODEL_HYPOTHESIS_H
#define MODEL_HYPOTHESIS_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct hypothesis_token {
    uint32_t token;       /* index into the model's tokens */
    uint32_t first_frame; /* of the token's run of frames on the best path */
    uint32_t last_frame;  /* inclusive */
    float log_posterior;  /* highest in that run, natural log */
};

/* Owned by whoever declared it: hypothesis_free(). All zero is an empty one. Reused by decoders:
 * memory grows, never shrinks. */
struct hypothesis {
    struct hypothesis_token *tokens;
    size_t n_tokens;
    size_t capacity;
    double log_probability; /* of the label sequence as the decoder defines it, natural log */
    double fusion_score;    /* what language model and phrases add (model/fusion.h); 0 without */
};

void hypothesis_free(struct hypothesis *h);
enum asr_status hypothesis_reserve(struct hypothesis *h, size_t tokens, struct asr_error *err);

#endif
