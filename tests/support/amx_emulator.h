/* amx_emulator.h - the AMX instructions that the kernels use, as functions, after the pseudo-code
 * of Intel's Architecture Instruction Set Extensions Programming Reference: so that the kernels'
 * arithmetic and addressing are tested on machines without AMX. Included before a kernel's source,
 * in whose place its intrinsics then stand. */
#ifndef TESTS_SUPPORT_AMX_EMULATOR_H
#define TESTS_SUPPORT_AMX_EMULATOR_H

#include <check.h>
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/bf16.h"

struct emulated_tile {
    size_t rows, row_bytes;
    union {
        uint8_t u8[16][64];
        int8_t i8[16][64];
        int32_t i32[16][16];
        float f32[16][16];
        uint16_t bf16[16][32];
    } at;
};

static struct emulated_tile emulated[8];

/* LDTILECFG, palette 1. */
static inline void emulate_loadconfig(const void *memory)
{
    const uint8_t *config = memory;
    ck_assert_uint_eq(config[0], 1);
    for (size_t t = 0; t < 8; t++) {
        uint16_t row_bytes;
        memcpy(&row_bytes, config + 16 + 2 * t, 2);
        emulated[t] = (struct emulated_tile){.rows = config[48 + t], .row_bytes = row_bytes};
        ck_assert(emulated[t].rows <= 16 && row_bytes <= 64);
    }
}

static inline void emulate_release(void)
{
    memset(emulated, 0, sizeof(emulated));
}

static inline void emulate_zero(int t)
{
    ck_assert_uint_gt(emulated[t].rows, 0); /* else it would fault: not configured */
    memset(&emulated[t].at, 0, sizeof(emulated[t].at));
}

static inline void emulate_loadd(int t, const void *base, size_t stride)
{
    emulate_zero(t);
    for (size_t r = 0; r < emulated[t].rows; r++)
        memcpy(emulated[t].at.u8[r], (const char *)base + r * stride, emulated[t].row_bytes);
}

static inline void emulate_stored(int t, void *base, size_t stride)
{
    for (size_t r = 0; r < emulated[t].rows; r++)
        memcpy((char *)base + r * stride, emulated[t].at.u8[r], emulated[t].row_bytes);
}

/* c's rows are a's, its columns b's; what is summed over is a's columns and b's rows. */
static inline void check_shapes(int c, int a, int b)
{
    ck_assert_uint_eq(emulated[c].rows, emulated[a].rows);
    ck_assert_uint_eq(emulated[c].row_bytes, emulated[b].row_bytes);
    ck_assert_uint_eq(emulated[a].row_bytes / 4, emulated[b].rows);
}

static inline void emulate_dpbusd(int c, int a, int b)
{
    check_shapes(c, a, b);
    for (size_t m = 0; m < emulated[c].rows; m++)
        for (size_t k = 0; k < emulated[b].rows; k++)
            for (size_t n = 0; n < emulated[c].row_bytes / 4; n++)
                for (size_t i = 0; i < 4; i++)
                    emulated[c].at.i32[m][n] +=
                        emulated[a].at.u8[m][4 * k + i] * emulated[b].at.i8[k][4 * n + i];
}

static inline void emulate_dpbf16ps(int c, int a, int b)
{
    check_shapes(c, a, b);
    for (size_t m = 0; m < emulated[c].rows; m++)
        for (size_t k = 0; k < emulated[b].rows; k++)
            for (size_t n = 0; n < emulated[c].row_bytes / 4; n++)
                for (size_t i = 0; i < 2; i++)
                    emulated[c].at.f32[m][n] += float_from_bf16(emulated[a].at.bf16[m][2 * k + i]) *
                                                float_from_bf16(emulated[b].at.bf16[k][2 * n + i]);
}

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbusd
#undef _tile_dpbf16ps
#define _tile_loadconfig emulate_loadconfig
#define _tile_release emulate_release
#define _tile_zero emulate_zero
#define _tile_loadd emulate_loadd
#define _tile_stored emulate_stored
#define _tile_dpbusd emulate_dpbusd
#define _tile_dpbf16ps emulate_dpbf16ps

#endif
