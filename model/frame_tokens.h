/* frame_tokens.h - one frame of a beam search: its log-posteriors, cleaned, and the tokens that are
 * worth trying, collected once for all hypotheses. */
#ifndef MODEL_FRAME_TOKENS_H
#define MODEL_FRAME_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct frame_tokens {
    size_t n_tokens, blank;
    size_t limit;            /* tokens to try at the most */
    float min_log_posterior; /* tokens below are not tried, but for the frame's best */
    float *row;              /* [n_tokens]; what is no probability is -INFINITY */
    uint32_t *tried;         /* [n_tried], best first, without the blank */
    size_t n_tried;
};

/* max_tokens 0: no limit. */
enum asr_status frame_tokens_init(struct frame_tokens *f, size_t n_tokens, size_t blank,
                                  size_t max_tokens, float min_log_posterior,
                                  struct asr_error *err);
void frame_tokens_free(struct frame_tokens *f); /* all zero is fine */

void frame_tokens_read(struct frame_tokens *f, const float *log_posteriors);

#endif
