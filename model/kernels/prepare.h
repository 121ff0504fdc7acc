/* prepare.h - rows of activations for kernels without instructions of their own for it. */
#ifndef MODEL_KERNELS_PREPARE_H
#define MODEL_KERNELS_PREPARE_H

#include <stddef.h>

/* struct kernel's prepare(). */
void prepare_f32(const float *x, size_t width, size_t depth, void *row, float *scale);
void prepare_bf16(const float *x, size_t width, size_t depth, void *row, float *scale);

/* q = round(x * 127 / max|x|) + 128, in 1 to 255: VPDPBUSD wants one operand without a sign. What
 * the 128 adds to every sum, struct packed's offsets take away. */
void prepare_int8(const float *x, size_t width, size_t depth, void *row, float *scale);

#endif
