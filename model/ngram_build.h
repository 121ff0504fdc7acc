/* ngram_build.h - compiles an ARPA language model (model/arpa.h) into what ngram_open() maps.
 *
 * Besides what arpa.h checks: <s> and </s> must be among the 1-grams; every word of a longer
 * n-gram must be one; no n-gram may be there twice. <UNK> is <unk>. An n-gram whose context is not
 * in the file (pruned models have some) gets it as a node without a probability, so that it is
 * found all the same and the context itself keeps costing what backing off costs.
 *
 * Memory while compiling: 4 k + 16 bytes per n-gram of order k, the words with 20 bytes each, the
 * compiled image, and up to 32 bytes per n-gram of the largest order while its codebook is
 * fitted. Arrays grow by half, so at worst half as much again. */
#ifndef MODEL_NGRAM_BUILD_H
#define MODEL_NGRAM_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct ngram_build_options {
    unsigned bits; /* of a probability or back-off weight: 2 to 16 (1-grams: 16), or 32: float32 */
    float unk_log10; /* probability of <unk> if the ARPA file has none */
    /* NULL, or told every so often what is being done and how far it is, 0 to 1. */
    void (*progress)(void *ctx, const char *stage, double done);
    void *progress_ctx;
};

/* 8 bits, and -100 for a missing <unk>, as KenLM has it. */
extern const struct ngram_build_options ngram_build_defaults;

/* The compiled image in *image: free(). Errors as arpa_open()'s and arpa_next()'s; ASR_ERR_INVALID
 * for options that make no sense; ASR_ERR_LIMIT for what the format cannot hold. */
enum asr_status ngram_build(uint8_t **image, size_t *n_bytes, const char *arpa_path,
                            const struct ngram_build_options *options, struct asr_error *err);

/* The same into a file, which appears whole or not at all. */
enum asr_status ngram_build_file(const char *arpa_path, const char *out_path,
                                 const struct ngram_build_options *options, struct asr_error *err);

#endif
