/* gemm.h - the one matrix product of the network, and the only door to OpenBLAS.
 *
 * cblas.h pulls in <complex.h>, which makes I a macro: only gemm.c includes it. */
#ifndef MODEL_GEMM_H
#define MODEL_GEMM_H

#include <stddef.h>

#include "audio/status.h"

/* The rows of every product. BLAS libraries sum in another order where a product is small or at its
 * ragged end; one shape for all makes a row's result independent of the rows around it. Eight: the
 * most that the kernels of OpenBLAS 0.3.21 for Haswell, Zen, SkylakeX and Prescott all treat alike.
 */
enum { GEMM_ROWS = 8 };

/* y[GEMM_ROWS, n] += x[GEMM_ROWS, k] * w[n, k] transposed; y apart from x and w. Any thread; never
 * more threads than the caller's own after gemm_prepare(). */
void gemm_add_xwt(float *y, const float *x, const float *w, size_t k, size_t n);

/* Once per load, before the first product. ASR_ERR_UNSUPPORTED if this machine's BLAS computes
 * wrong results, or other results for the same row in another place; the text says what to do. */
enum asr_status gemm_prepare(struct asr_error *err);

/* Compares a product with plain loops over shapes that reach its different kernels, and its rows
 * with each other: what gemm_prepare() does with gemm_add_xwt(). */
enum asr_status gemm_verify(void (*add_xwt)(float *y, const float *x, const float *w, size_t k,
                                            size_t n),
                            struct asr_error *err);

/* Static text for bug reports: the library's build and the kernels it chose for this machine. */
const char *gemm_library(void);

#endif
