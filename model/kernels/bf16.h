/* bf16.h - float's upper half: 8 bits of exponent, 8 of significand. */
#ifndef MODEL_KERNELS_BF16_H
#define MODEL_KERNELS_BF16_H

#include <stdint.h>
#include <string.h>

/* To the nearest, ties to even, as VCVTNEPS2BF16 does. Not for NaN. */
static inline uint16_t bf16_from_float(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return (uint16_t)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

static inline float float_from_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

#endif
