/* prepare.h - rows of activations, in the ways that several kernels share. */
#ifndef MODEL_KERNELS_PREPARE_H
#define MODEL_KERNELS_PREPARE_H

#include <stddef.h>

/* struct kernel's prepare(). */
void prepare_f32(const float *x, size_t width, size_t depth, void *row, float *scale);
void prepare_bf16(const float *x, size_t width, size_t depth, void *row, float *scale);

/* q = round(x * 127 / max|x|) + 128, in 1 to 255: VPDPBUSD wants one operand without a sign. What
 * the 128 adds to every sum, struct packed's offsets take away. */
void prepare_int8(const float *x, size_t width, size_t depth, void *row, float *scale);

/* The same with AVX-512, in avx512_vnni.c and avx512_bf16.c. */
void prepare_int8_avx512(const float *x, size_t width, size_t depth, void *row, float *scale);
void prepare_bf16_avx512(const float *x, size_t width, size_t depth, void *row, float *scale);

#endif
