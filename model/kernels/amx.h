/* amx.h - what the AMX kernels share: tiles, and the walk over rows and panels.
 *
 * A tile register is 16 rows of 64 bytes. One product is 16 rows of activations times the 16 lanes
 * of one gate; a panel is four of them over the same activations. The packed values of kernel.h
 * are, four bytes of k side by side, already what the second operand wants: 16 groups of k, one
 * every AMX_STRIDE bytes. Sums go through memory to be scaled and made cells of by AVX-512.
 *
 * Source: Intel Architecture Instruction Set Extensions Programming Reference, chapter on AMX. */
#ifndef MODEL_KERNELS_AMX_H
#define MODEL_KERNELS_AMX_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/kernels/avx512.h"

enum { AMX_ROWS = 16, AMX_BYTES = 64, AMX_STRIDE = KERNEL_GATES * AMX_BYTES };

/* Tiles 0 to 3 sum the gates; 4 has activations, 5 weights. The intrinsics want digits. */
enum { AMX_WEIGHTS = 5, AMX_TILES = 6 };

/* LDTILECFG's operand. */
struct amx_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Bits of CPUID leaf 7's EDX. */
enum { AMX_HAS_BF16 = 22, AMX_HAS_INT8 = 25 };

/* Whether the processor has the feature and the system lets this process use tiles: it grants them
 * on request only. */
bool amx_usable(unsigned feature);

/* Sums of up to 16 rows, [gate][row][lane], as TILESTORED leaves them. */
union amx_sums {
    int32_t exact[KERNEL_GATES][AMX_ROWS][AVX512_LANES];
    float rounded[KERNEL_GATES][AMX_ROWS][AVX512_LANES];
};

/* The products of a panel with as many rows of activations as the tiles are configured for. */
typedef void amx_product(const char *panel, const char *activations, size_t row_bytes,
                         union amx_sums *sums);

/* start + a row's sum of one gate. `row`: of x; `place`: of the tile. */
typedef __m512 amx_gate(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                        size_t gate, const union amx_sums *sums, size_t place, __m512 start);

/* What becomes of the gates: stored, or cells where c is not NULL. Strides in floats, of a row. */
struct amx_walk {
    amx_product *product;
    amx_gate *gate;
    const float *start; /* [row][panel][KERNEL_GATES][lanes] */
    size_t start_stride;
    float *gates, *c, *h;
    bool backwards;
    size_t element_bytes; /* of weights and activations */
};

static inline void amx_configure(size_t rows)
{
    struct amx_config config = {.palette = 1};

    for (size_t t = 0; t < AMX_TILES; t++) {
        config.row_bytes[t] = AMX_BYTES;
        config.rows[t] = (uint8_t)(t == AMX_WEIGHTS ? AMX_ROWS : rows);
    }
    _tile_loadconfig(&config);
}

AVX512_INLINE void amx_tile(const struct amx_walk *walk, const struct packed *w, size_t panel,
                            const struct rows *x, size_t first, size_t rows)
{
    size_t row_bytes = w->depth * walk->element_bytes;
    union amx_sums sums __attribute__((aligned(AMX_BYTES)));

    walk->product((const char *)w->values + panel * AVX512_PANEL * row_bytes,
                  (const char *)x->values + first * row_bytes, row_bytes, &sums);
    for (size_t r = 0; r < rows; r++) {
        size_t row = first + r, at = row * w->panels + panel;
        const float *start = walk->start + row * walk->start_stride + panel * AVX512_PANEL;
        __m512 gate[KERNEL_GATES];
        for (size_t g = 0; g < KERNEL_GATES; g++)
            gate[g] =
                walk->gate(w, panel, x, row, g, &sums, r, _mm512_load_ps(start + g * AVX512_LANES));
        if (walk->c)
            avx512_cells(gate, walk->c + at * AVX512_LANES, walk->h + at * AVX512_LANES);
        for (size_t g = 0; g < KERNEL_GATES && !walk->c; g++)
            _mm512_store_ps(walk->gates + at * AVX512_PANEL + g * AVX512_LANES, gate[g]);
    }
}

/* Full tiles first, with a panel's weights in the nearest cache; then the rows that are left. */
AVX512_INLINE void amx_walk_rows(const struct amx_walk *walk, const struct packed *w,
                                 const struct rows *x, size_t n_rows)
{
    size_t full = n_rows / AMX_ROWS * AMX_ROWS, left = n_rows - full;

    if (full)
        amx_configure(AMX_ROWS);
    for (size_t i = 0; full && i < w->panels; i++)
        for (size_t r = 0; r < full; r += AMX_ROWS)
            amx_tile(walk, w, kernel_panel_at(w, i, walk->backwards), x, r, AMX_ROWS);
    if (left)
        amx_configure(left);
    for (size_t i = 0; left && i < w->panels; i++)
        amx_tile(walk, w, kernel_panel_at(w, i, walk->backwards), x, full, left);
    _tile_release();
}

#endif
