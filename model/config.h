/* config.h - a model directory's config.json (model/FORMAT.md), read and checked.
 *
 * Immutable after loading; shared by all threads. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "audio/fbank.h"
#include "audio/status.h"
#include "model/kernels/kernel.h"

/* Makes a probability of what is known of a word (model/confidence.h). */
struct confidence_map {
    double score_scale; /* of hypotheses' scores, before they are compared */
    double bias, share_weight, posterior_weight;
};

struct model_config {
    char *file; /* as given when it was read, for messages */
    char *name, *language, *licence, *source;
    struct fbank_config features;
    bool subtract_utterance_mean; /* normalisation.mean == "utterance" */
    char *mean_tensor;            /* NULL unless normalisation.mean names a tensor */
    char *std_tensor;             /* NULL when normalisation.std == "none" */
    const json_t *layers;         /* array of objects; each layer reads its own (model/layer.h) */
    char **tokens;                /* [n_tokens], UTF-8, in logit order */
    size_t n_tokens;
    size_t blank;
    size_t word_separator; /* index into tokens */
    char *lm; /* decoder.lm: a compiled language model's file in the model directory, or NULL */
    double alpha, beta, unknown_penalty; /* decoder.*, model/fusion.h; 0 without `lm` */
    bool has_confidence;                 /* whether the config has decoder.confidence */
    struct confidence_map confidence;
    size_t beam_width;           /* decoder.beam, or 0 when the config does not say */
    unsigned trusted_precisions; /* bits 1 << enum precision: at which transcripts are as good */
    json_t *document;            /* owns what `layers` borrows */
};

/* Limits of a config, so that a lying file cannot ask for absurd memory. */
enum { CONFIG_MAX_BYTES = 4 << 20, CONFIG_MAX_TOKENS = 65536, CONFIG_MAX_LAYERS = 256 };

/* ASR_ERR_IO, or ASR_ERR_FORMAT naming the key. */
enum asr_status model_config_load(struct model_config **out, const char *path,
                                  struct asr_error *err);
enum asr_status model_config_parse(struct model_config **out, const char *json, size_t n_bytes,
                                   const char *name, struct asr_error *err);
void model_config_free(struct model_config *config); /* NULL is fine */

#endif
