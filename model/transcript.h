/* transcript.h - a hypothesis as words and segments with times: what every response is made of.
 *
 * A word is a run of tokens between word separators. It starts at its first token's first frame
 * and ends after its last token's last frame. Its confidence is the geometric mean of its
 * tokens' posteriors, in [0, 1], until model_decode() puts a calibrated one in its place. */
#ifndef MODEL_TRANSCRIPT_H
#define MODEL_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/config.h"
#include "model/hypothesis.h"

struct word {
    const char *text; /* UTF-8, inside the transcript's own memory */
    double start_seconds, end_seconds;
    double confidence;
};

/* A run of words without a long pause: one subtitle, one verbose_json segment. */
struct segment {
    const char *text;
    double start_seconds, end_seconds;
    size_t first_word, n_words;   /* into transcript.words */
    size_t first_token, n_tokens; /* into transcript.tokens */
    double mean_log_posterior;    /* over its tokens, natural log */
    double no_speech_probability; /* that every frame of it is blank: the model's all-blank path */
};

/* One answer of several. Scores are natural logarithms. */
struct alternative {
    const char *text; /* as transcript.text */
    double
        acoustic_log_probability; /* of its labels, summed over their paths (best path: greedy) */
    double language_score;        /* what language model and phrases add (model/fusion.h) */
};

struct transcript {
    char *text; /* words joined by single spaces; "" when nothing was recognised */
    struct word *words;
    size_t n_words;
    struct segment *segments;
    size_t n_segments;
    uint32_t *tokens; /* token indices, separators included */
    size_t n_tokens;
    double duration_seconds;          /* of the recording */
    float *token_log_posteriors;      /* [n_tokens]: hypothesis_token.log_posterior */
    struct alternative *alternatives; /* best first: [0] is what the rest is made of */
    size_t n_alternatives;
};

struct segment_rules {
    double max_gap_seconds; /* a longer pause starts a new segment */
    double max_seconds;     /* a segment is at most this long */
    size_t max_characters;  /* and its text at most this (one longer word stands alone) */
};
extern const struct segment_rules segment_defaults;

/* hypotheses[n_hypotheses], best first, at least one. log_posteriors[frames, config->n_tokens] as
 * given to the decoder; frame_seconds is the output frame's duration. Free with transcript_free().
 */
enum asr_status transcript_new(struct transcript **out, const struct model_config *config,
                               const struct hypothesis *hypotheses, size_t n_hypotheses,
                               const float *log_posteriors, size_t frames, double frame_seconds,
                               double duration_seconds, const struct segment_rules *rules,
                               struct asr_error *err);
void transcript_free(struct transcript *t); /* NULL is fine */

#endif
