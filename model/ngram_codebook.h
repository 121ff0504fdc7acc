/* ngram_codebook.h - few values that stand for many: scalar quantisation of log-probabilities.
 *
 * When the samples have no more different values than the codebook has room for, it is exact
 * (ARPA files often have three decimals only, so 16 bits lose nothing). Otherwise the squared
 * error is minimised with Lloyd's method (Lloyd 1982, "Least squares quantization in PCM"),
 * started from the point density that is best for many levels, the cube root of the samples'
 * (Panter & Dite 1951). KenLM's bins of equal population spend most codes where errors are
 * smallest already. */
#ifndef MODEL_NGRAM_CODEBOOK_H
#define MODEL_NGRAM_CODEBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

struct ngram_codebook {
    float *values; /* [n_values]: the reserved one, then the others in ascending order */
    uint32_t n_values;
};

/* A codebook of at most 2^bits values, bits 1 to 16, `reserved` among them under code 0. The
 * samples must be finite; they are sorted in place, and may be none. Free with
 * ngram_codebook_free(). Needs up to 28 bytes per sample meanwhile. */
enum asr_status ngram_codebook_fit(struct ngram_codebook *book, float *samples, size_t n_samples,
                                   unsigned bits, float reserved, struct asr_error *err);
void ngram_codebook_free(struct ngram_codebook *book);

/* The code of the nearest value but the reserved one. */
uint32_t ngram_codebook_code(const struct ngram_codebook *book, float value);

#endif
