/* alignment.h - labels laid over a recording: words and characters with times and scores.
 *
 * A word's time runs from the first frame of its first label to the end of the last frame of its
 * last one, on the best path. Silence is blank frames, which are no label's, so that the first and
 * the last word do not reach into it.
 *
 *   score = exp(mean over its labels of the highest log-posterior in the label's run)
 *
 * in [0, 1]: the geometric mean of what the model gave the labels at their best frames. */
#ifndef MODEL_ALIGNMENT_H
#define MODEL_ALIGNMENT_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/ctc_align.h"

struct aligned {
    double start_seconds, end_seconds;
    double score;
};

struct aligned_word {
    struct aligned at;
    size_t first_label, n_labels;
};

/* Owned by whoever declared it: alignment_free(). All zero is empty. */
struct alignment {
    struct aligned *labels; /* [n_labels], separators included */
    size_t n_labels;
    struct aligned_word *words; /* [n_words]: the runs between separators */
    size_t n_words;
    double log_probability; /* of the labels, over all paths; natural log */
    double duration_seconds;
};

/* Errors are those of ctc_align(), with its `max_bytes`. On failure *out is empty. */
enum asr_status align(const struct ctc_problem *problem, uint32_t separator, double frame_seconds,
                      double duration_seconds, size_t max_bytes, struct alignment *out,
                      struct asr_error *err);
void alignment_free(struct alignment *alignment);

#endif
