/* avx512.h - what the AVX-512 kernels share: cells, and the walk over panels and tiles.
 *
 * A tile is up to AVX512_TILE_ROWS rows times one panel: 24 registers of sums, 4 of weights and one
 * of activations, so that every weight that is loaded serves six rows. All loops over a tile have
 * constant bounds once inlined, and its sums live in registers. */
#ifndef MODEL_KERNELS_AVX512_H
#define MODEL_KERNELS_AVX512_H

#include <immintrin.h>
#include <stdbool.h>

#include "model/kernels/kernel.h"

enum { AVX512_LANES = 16, AVX512_TILE_ROWS = 6 };
enum { AVX512_PANEL = KERNEL_GATES * AVX512_LANES };

#define AVX512_INLINE static inline __attribute__((always_inline))

/* sum[rows][KERNEL_GATES] = start[rows][KERNEL_GATES][lanes] + rows of x, from first_row on, times
 * a panel of w. Rows of `start` are start_stride floats apart. */
typedef void avx512_tile(const struct packed *w, size_t panel, const struct rows *x,
                         size_t first_row, size_t rows, const float *start, size_t start_stride,
                         __m512 sum[][KERNEL_GATES]);

/* e^x for |x| <= 28, beyond which neither a sigmoid nor a tanh changes in float; relative error
 * under 2e-7. 2^n e^r with |r| <= ln 2 / 2; the polynomial for e^r is that of Cephes' expf()
 * (S. Moshier, 1989, https://www.netlib.org/cephes/). */
AVX512_INLINE __m512 avx512_exp(__m512 x)
{
    const __m512 limit = _mm512_set1_ps(28);

    x = _mm512_max_ps(_mm512_min_ps(x, limit), _mm512_sub_ps(_mm512_setzero_ps(), limit));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341F)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4F);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1F));
    p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, _mm512_add_ps(r, _mm512_set1_ps(1)));
    return _mm512_scalef_ps(p, n);
}

/* 16 units' cells: gates i, f, g, o; c and h in memory. With a = e^-x and tanh(x) = (1 - a^2) /
 * (1 + a^2), the two terms of c share one division, and both factors of h another:
 *
 *   c = [c (1 + ei)(1 + eg) + (1 - eg)(1 + ef)] / [(1 + ei)(1 + ef)(1 + eg)],  eg = e^-2g
 *
 * The limit of avx512_exp() keeps the product of three in range. Absolute error of h and of c,
 * against float64 from the same gates: under 5e-7 for |c| <= 1 (tests/model/test_kernels.c). */
AVX512_INLINE void avx512_cells(const __m512 gate[KERNEL_GATES], float *c_memory, float *h_memory)
{
    const __m512 zero = _mm512_setzero_ps(), one = _mm512_set1_ps(1),
                 minus_two = _mm512_set1_ps(-2);
    __m512 ei = avx512_exp(_mm512_sub_ps(zero, gate[0]));
    __m512 ef = avx512_exp(_mm512_sub_ps(zero, gate[1]));
    __m512 eg = avx512_exp(_mm512_mul_ps(minus_two, gate[2]));
    __m512 eo = avx512_exp(_mm512_sub_ps(zero, gate[3]));
    __m512 ig = _mm512_mul_ps(_mm512_add_ps(one, ei), _mm512_add_ps(one, eg));
    __m512 f = _mm512_add_ps(one, ef);
    __m512 c = _mm512_load_ps(c_memory);

    c = _mm512_fmadd_ps(c, ig, _mm512_mul_ps(_mm512_sub_ps(one, eg), f));
    c = _mm512_div_ps(c, _mm512_mul_ps(ig, f));
    __m512 ec = avx512_exp(_mm512_mul_ps(minus_two, c));
    __m512 h = _mm512_div_ps(_mm512_sub_ps(one, ec),
                             _mm512_mul_ps(_mm512_add_ps(one, eo), _mm512_add_ps(one, ec)));
    _mm512_store_ps(c_memory, c);
    _mm512_store_ps(h_memory, h);
}

/* bias + a tile -> gates; bias and gates at the panel, gates at the tile's first row. */
AVX512_INLINE void avx512_project_tile(avx512_tile *tile, const struct packed *w, size_t panel,
                                       const struct rows *x, size_t row, size_t rows,
                                       const float *bias, float *gates)
{
    __m512 sum[AVX512_TILE_ROWS][KERNEL_GATES];
    size_t stride = w->panels * AVX512_PANEL;

    tile(w, panel, x, row, rows, bias, 0, sum);
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            _mm512_store_ps(gates + r * stride + g * AVX512_LANES, sum[r][g]);
}

/* Likewise, and gates + a tile -> cells; c and h at the panel and the tile's first row. */
AVX512_INLINE void avx512_step_tile(avx512_tile *tile, const struct packed *w, size_t panel,
                                    const struct rows *h_before, size_t row, size_t rows,
                                    const float *gates, float *c, float *h)
{
    __m512 sum[AVX512_TILE_ROWS][KERNEL_GATES];
    size_t units = w->panels * AVX512_LANES;

    tile(w, panel, h_before, row, rows, gates, w->panels * AVX512_PANEL, sum);
    for (size_t r = 0; r < rows; r++)
        avx512_cells(sum[r], c + r * units, h + r * units);
}

/* The rows that the next tile takes of those that are left: all but the last are full. */
AVX512_INLINE size_t avx512_tile_rows(size_t left)
{
    return left < AVX512_TILE_ROWS ? left : AVX512_TILE_ROWS;
}

AVX512_INLINE void avx512_project(avx512_tile *tile, const struct packed *w, const struct rows *x,
                                  size_t n_rows, const float *bias, float *gates)
{
    for (size_t p = 0; p < w->panels; p++) {
        const float *b = bias + p * AVX512_PANEL;
        for (size_t r = 0, rows; r < n_rows; r += rows) {
            float *to = gates + (r * w->panels + p) * AVX512_PANEL;
            rows = avx512_tile_rows(n_rows - r);
            switch (rows) {
            case 1:
                avx512_project_tile(tile, w, p, x, r, 1, b, to);
                break;
            case 2:
                avx512_project_tile(tile, w, p, x, r, 2, b, to);
                break;
            case 3:
                avx512_project_tile(tile, w, p, x, r, 3, b, to);
                break;
            case 4:
                avx512_project_tile(tile, w, p, x, r, 4, b, to);
                break;
            case 5:
                avx512_project_tile(tile, w, p, x, r, 5, b, to);
                break;
            default:
                avx512_project_tile(tile, w, p, x, r, AVX512_TILE_ROWS, b, to);
                break;
            }
        }
    }
}

AVX512_INLINE void avx512_lstm_step(avx512_tile *tile, const struct packed *w,
                                    const struct rows *h_before, size_t n_rows, bool backwards,
                                    const float *gates, float *c, float *h)
{
    for (size_t i = 0; i < w->panels; i++) {
        size_t p = kernel_panel_at(w, i, backwards);
        for (size_t r = 0, rows; r < n_rows; r += rows) {
            const float *in = gates + (r * w->panels + p) * AVX512_PANEL;
            size_t at = (r * w->panels + p) * AVX512_LANES;
            rows = avx512_tile_rows(n_rows - r);
            switch (rows) {
            case 1:
                avx512_step_tile(tile, w, p, h_before, r, 1, in, c + at, h + at);
                break;
            case 2:
                avx512_step_tile(tile, w, p, h_before, r, 2, in, c + at, h + at);
                break;
            case 3:
                avx512_step_tile(tile, w, p, h_before, r, 3, in, c + at, h + at);
                break;
            case 4:
                avx512_step_tile(tile, w, p, h_before, r, 4, in, c + at, h + at);
                break;
            case 5:
                avx512_step_tile(tile, w, p, h_before, r, 5, in, c + at, h + at);
                break;
            default:
                avx512_step_tile(tile, w, p, h_before, r, AVX512_TILE_ROWS, in, c + at, h + at);
                break;
            }
        }
    }
}

#endif
