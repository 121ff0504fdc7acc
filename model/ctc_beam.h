/* ctc_beam.h - CTC prefix beam search in the log domain, start / step / finish.
 *
 * Sources: Graves, "Supervised Sequence Labelling" (2012), section 7.5; Hannun et al. 2014,
 * "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional RNNs",
 * algorithm 1. Hypotheses with the same labels are one prefix whose probability is the sum over
 * its paths, kept as two terms: paths that end in blank and paths that end in its last label.
 *
 * The same calls serve whole files and live streams: step() takes any number of frames. A
 * struct ctc_beam is one stream's state with all its memory: one thread at a time, reusable
 * after start(). Results do not depend on addresses or hash order: ties go to the prefix that
 * was created first. */
#ifndef MODEL_CTC_BEAM_H
#define MODEL_CTC_BEAM_H

#include <stddef.h>

#include "audio/status.h"
#include "model/fusion.h"
#include "model/hypothesis.h"

struct ctc_beam;

struct ctc_beam_config {
    size_t beam_width;       /* prefixes kept after each frame, 1 to CTC_BEAM_MAX_WIDTH */
    size_t max_tokens;       /* tokens tried per frame, best first; 0 is all */
    float min_log_posterior; /* tokens below this are not tried (the frame's best always is) */
    float score_margin;      /* prefixes this far (natural log) below the best are dropped */
};

enum { CTC_BEAM_MAX_WIDTH = 4096 };

/* The settings that the server uses unless told otherwise. */
extern const struct ctc_beam_config ctc_beam_defaults;

/* ASR_ERR_INVALID names the setting. */
enum asr_status ctc_beam_new(struct ctc_beam **out, size_t n_tokens, size_t blank,
                             const struct ctc_beam_config *config, struct asr_error *err);
void ctc_beam_free(struct ctc_beam *beam); /* NULL is fine */

void ctc_beam_start(struct ctc_beam *beam);

/* From the next start on, prefixes are also ranked by language model and phrases; NULL: no more.
 * Borrows `fusion`. Prefixes are then kept by ln P + what they are worth so far, and the answers
 * are ordered by ln P + what they are worth when they end (hypothesis: log_probability,
 * fusion_score). */
void ctc_beam_fuse(struct ctc_beam *beam, const struct fusion *fusion);

/* log_posteriors[frames, n_tokens]. Fails for want of memory only. */
enum asr_status ctc_beam_step(struct ctc_beam *beam, const float *log_posteriors, size_t frames,
                              struct asr_error *err);

/* The n_best best label sequences, best first, into out[n_best]; *found of them (fewer when the
 * beam holds fewer). The beam is unchanged: a stream may go on. */
enum asr_status ctc_beam_finish(const struct ctc_beam *beam, struct hypothesis *out, size_t n_best,
                                size_t *found, struct asr_error *err);

#endif
