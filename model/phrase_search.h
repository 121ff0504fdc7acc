/* phrase_search.h - many phrases looked for in one recording: hits with times and scores, and the
 * phrases that the model cannot spell.
 *
 * What a hit and its score are says model/ctc_search.h. Time is frames x states, summed over the
 * phrases, and bounded by the limits. */
#ifndef MODEL_PHRASE_SEARCH_H
#define MODEL_PHRASE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/ctc_align.h"
#include "model/labels.h"
#include "model/phrases.h"

struct phrase_hit {
    size_t phrase; /* index into the list */
    double start_seconds, end_seconds;
    double score;
};

/* Owned by whoever declared it: phrase_hits_free(). All zero is empty. */
struct phrase_hits {
    struct phrase_hit *hits; /* by start, then by phrase */
    size_t n_hits, capacity;
    struct phrase_problem *problems;
    size_t n_problems;
};

struct phrase_search {
    const struct speller *speller;
    struct ctc_problem recording; /* labels unset */
    uint32_t separator;
    double frame_seconds, duration_seconds;
    double min_score;   /* hits that score less are left out */
    uint64_t max_steps; /* frames x states */
    size_t max_hits;
};

/* Weights mean nothing here. ASR_ERR_LIMIT: over max_steps, before anything is searched, or over
 * max_hits. On failure *out is empty. */
enum asr_status search_phrases(const struct phrase_search *search, const struct phrase *phrases,
                               size_t n_phrases, struct phrase_hits *out, struct asr_error *err);
void phrase_hits_free(struct phrase_hits *hits);

#endif
