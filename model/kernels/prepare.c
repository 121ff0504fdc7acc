#include "model/kernels/prepare.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/kernels/bf16.h"

void prepare_f32(const float *x, size_t width, size_t depth, void *row, float *scale)
{
    (void)depth; /* f32 pads nothing */
    (void)scale;
    memcpy(row, x, width * sizeof(*x));
}

void prepare_bf16(const float *x, size_t width, size_t depth, void *row, float *scale)
{
    uint16_t *to = row;

    (void)scale;
    for (size_t k = 0; k < depth; k++)
        to[k] = k < width ? bf16_from_float(x[k]) : 0;
}

void prepare_int8(const float *x, size_t width, size_t depth, void *row, float *scale)
{
    uint8_t *to = row;
    float max = 0;

    for (size_t k = 0; k < width; k++)
        max = fmaxf(max, fabsf(x[k]));
    float factor = max > 0 ? 127 / max : 0;
    for (size_t k = 0; k < depth; k++)
        to[k] = (uint8_t)(k < width ? lrintf(x[k] * factor) + 128 : 128);
    *scale = max / 127;
}
