/* ctc_search.h - where in a recording a phrase may have been said, whether or not the transcript
 * has it.
 *
 * The phrase, between two word separators or the recording's edges, is followed through the
 * posteriors along its best CTC path, against each frame's best token: the summed difference is
 * 0 where the phrase is what best-path decoding gives anyway, and falls with every frame that has
 * to be bent. This is the filler-model keyword spotting of Rose and Paul 1990 with CTC's states
 * and the best path as filler.
 *
 *   score = exp(difference / labels)    in (0, 1]: the geometric mean over the labels of how
 *                                       probable the phrase is beside the best alternative
 *
 * Time is frames x labels. No state: any thread. */
#ifndef MODEL_CTC_SEARCH_H
#define MODEL_CTC_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/ctc_align.h"

struct search_hit {
    size_t first_frame, last_frame; /* of the phrase, separators apart; inclusive */
    double score;
};

/* Owned by whoever declared it: search_hits_free(). All zero is an empty list. */
struct search_hits {
    struct search_hit *hits;
    size_t n_hits, capacity;
};

void search_hits_free(struct search_hits *list);

/* What a phrase costs in each frame. */
size_t ctc_search_states(size_t n_labels);

/* `phrase`: the labels are its tokens, words parted by `separator`. *out gets the hits that score
 * at least `min_score`, in order of time; of overlapping ones the best. ASR_ERR_INVALID names a
 * label that is no token, or says that the phrase is empty. */
enum asr_status ctc_search(const struct ctc_problem *phrase, uint32_t separator, double min_score,
                           struct search_hits *out, struct asr_error *err);

#endif
