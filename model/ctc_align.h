/* ctc_align.h - a given label sequence against a recording's posteriors: its total probability, and
 * where each label lies.
 *
 * Source: Graves et al. 2006, section 4.1. The labels l[0..n) are extended with blanks to
 * 2n + 1 states (blank, l[0], blank, ..., l[n-1], blank); a path may stay, go to the next state,
 * or skip a blank between two different labels. The forward sum over all paths is the CTC
 * loss's log-probability; the best single path is the alignment. All in double.
 *
 *   log_posteriors[frames, n_tokens]    labels[n_labels]    S = 2 n_labels + 1 states
 *
 * Functions without state: any thread. Time is frames x S. */
#ifndef MODEL_CTC_ALIGN_H
#define MODEL_CTC_ALIGN_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/hypothesis.h"

/* What is aligned against what. Borrowed for the call. */
struct ctc_problem {
    const float *log_posteriors;
    size_t frames;
    size_t n_tokens;
    size_t blank;
    const uint32_t *labels; /* none may be `blank` */
    size_t n_labels;
};

/* ASR_ERR_INVALID names a label that is not a token or is the blank. */
enum asr_status ctc_check_labels(const struct ctc_problem *problem, struct asr_error *err);

/* Frames that the labels need at the least: one each, and a blank between equal neighbours. */
size_t ctc_min_frames(const uint32_t *labels, size_t n_labels);

/* *out is the natural log of the summed probability of all paths that give the labels, -INFINITY
 * when there is none. Memory: 2 S doubles. Errors: as ctc_check_labels(). */
enum asr_status ctc_total_log_probability(const struct ctc_problem *problem, double *out,
                                          struct asr_error *err);

/* The best path. *out gets one entry a label: its run of frames and the highest log-posterior in
 * it; out->log_probability is the path's. Ties go to the later state change. Memory: frames x S
 * / 4 bytes, refused with ASR_ERR_LIMIT over max_bytes. ASR_ERR_INVALID when the labels cannot
 * fit: the text gives the frames they need and those there are. */
enum asr_status ctc_align(const struct ctc_problem *problem, size_t max_bytes,
                          struct hypothesis *out, struct asr_error *err);

#endif
