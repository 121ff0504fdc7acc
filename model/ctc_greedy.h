/* ctc_greedy.h - best-path CTC decoding: the best token of every frame, repeats folded, blanks
 * dropped (Graves et al. 2006, section 3.2). */
#ifndef MODEL_CTC_GREEDY_H
#define MODEL_CTC_GREEDY_H

#include <stddef.h>

#include "audio/status.h"
#include "model/hypothesis.h"

/* log_posteriors[frames, n_tokens] -> *out, whose log_probability is the best path's. Ties go to
 * the lower token. Fails for want of memory only. */
enum asr_status ctc_greedy(const float *log_posteriors, size_t frames, size_t n_tokens,
                           size_t blank, struct hypothesis *out, struct asr_error *err);

#endif
