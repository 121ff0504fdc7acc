/* avx2_f32.c - float32 with AVX2 and FMA: 8 units a panel, tiles of three rows (12 registers of
 * sums; weights are operands in memory). See avx512.h, whose arithmetic this is, half as wide. */
#include <immintrin.h>

#include "model/kernels/all.h"
#include "model/kernels/prepare.h"

enum { LANES = 8, TILE_ROWS = 3, PANEL = KERNEL_GATES * LANES };

#define INLINE static inline __attribute__((always_inline))

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* As avx512_exp(). 2^n is made of its bits: |n| <= 41. */
INLINE __m256 exp_within_28(__m256 x)
{
    const __m256 limit = _mm256_set1_ps(28);

    x = _mm256_max_ps(_mm256_min_ps(x, limit), _mm256_sub_ps(_mm256_setzero_ps(), limit));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341F)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4F);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1F));
    p = _mm256_fmadd_ps(_mm256_mul_ps(r, r), p, _mm256_add_ps(r, _mm256_set1_ps(1)));
    __m256i power =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

/* As avx512_cells(). */
INLINE void cells(const __m256 gate[KERNEL_GATES], float *c_memory, float *h_memory)
{
    const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1),
                 minus_two = _mm256_set1_ps(-2);
    __m256 ei = exp_within_28(_mm256_sub_ps(zero, gate[0]));
    __m256 ef = exp_within_28(_mm256_sub_ps(zero, gate[1]));
    __m256 eg = exp_within_28(_mm256_mul_ps(minus_two, gate[2]));
    __m256 eo = exp_within_28(_mm256_sub_ps(zero, gate[3]));
    __m256 ig = _mm256_mul_ps(_mm256_add_ps(one, ei), _mm256_add_ps(one, eg));
    __m256 f = _mm256_add_ps(one, ef);
    __m256 c = _mm256_load_ps(c_memory);

    c = _mm256_fmadd_ps(c, ig, _mm256_mul_ps(_mm256_sub_ps(one, eg), f));
    c = _mm256_div_ps(c, _mm256_mul_ps(ig, f));
    __m256 ec = exp_within_28(_mm256_mul_ps(minus_two, c));
    __m256 h = _mm256_div_ps(_mm256_sub_ps(one, ec),
                             _mm256_mul_ps(_mm256_add_ps(one, eo), _mm256_add_ps(one, ec)));
    _mm256_store_ps(c_memory, c);
    _mm256_store_ps(h_memory, h);
}

/* sum[rows][KERNEL_GATES] += rows of x, from first_row on, times a panel of w. */
INLINE void add_tile(const struct packed *w, size_t panel, const struct rows *x, size_t first_row,
                     size_t rows, __m256 sum[][KERNEL_GATES])
{
    const float *values = (const float *)w->values + panel * PANEL * w->depth;
    const float *in = (const float *)x->values + first_row * x->depth;

    for (size_t k = 0; k < w->depth; k++, values += PANEL) {
        __m256 value[TILE_ROWS];
        for (size_t r = 0; r < rows; r++)
            value[r] = _mm256_broadcast_ss(in + r * x->depth + k);
        for (size_t g = 0; g < KERNEL_GATES; g++) {
            __m256 weight = _mm256_load_ps(values + g * LANES);
            for (size_t r = 0; r < rows; r++)
                sum[r][g] = _mm256_fmadd_ps(weight, value[r], sum[r][g]);
        }
    }
}

INLINE void project_tile(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                         size_t rows, const float *bias, float *gates)
{
    __m256 sum[TILE_ROWS][KERNEL_GATES];

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            sum[r][g] = _mm256_load_ps(bias + g * LANES);
    add_tile(w, panel, x, row, rows, sum);
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            _mm256_store_ps(gates + r * w->panels * PANEL + g * LANES, sum[r][g]);
}

INLINE void step_tile(const struct packed *w, size_t panel, const struct rows *h_before, size_t row,
                      size_t rows, const float *gates, float *c, float *h)
{
    __m256 sum[TILE_ROWS][KERNEL_GATES];

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            sum[r][g] = _mm256_load_ps(gates + r * w->panels * PANEL + g * LANES);
    add_tile(w, panel, h_before, row, rows, sum);
    for (size_t r = 0; r < rows; r++)
        cells(sum[r], c + r * w->panels * LANES, h + r * w->panels * LANES);
}

static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    for (size_t p = 0; p < w->panels; p++) {
        const float *b = bias + p * PANEL;
        float *to = gates + p * PANEL;
        size_t r = 0, stride = w->panels * PANEL;
        for (; r + TILE_ROWS <= n_rows; r += TILE_ROWS)
            project_tile(w, p, x, r, TILE_ROWS, b, to + r * stride);
        if (n_rows - r == 2)
            project_tile(w, p, x, r, 2, b, to + r * stride);
        else if (n_rows - r == 1)
            project_tile(w, p, x, r, 1, b, to + r * stride);
    }
}

static void lstm_step(const struct packed *w, const struct rows *h_before, size_t n_rows,
                      bool backwards, const float *gates, float *c, float *h)
{
    size_t stride = w->panels * PANEL, units = w->panels * LANES;

    for (size_t i = 0; i < w->panels; i++) {
        size_t r = 0, p = kernel_panel_at(w, i, backwards);
        const float *in = gates + p * PANEL;
        float *cp = c + p * LANES, *hp = h + p * LANES;
        for (; r + TILE_ROWS <= n_rows; r += TILE_ROWS)
            step_tile(w, p, h_before, r, TILE_ROWS, in + r * stride, cp + r * units,
                      hp + r * units);
        if (n_rows - r == 2)
            step_tile(w, p, h_before, r, 2, in + r * stride, cp + r * units, hp + r * units);
        else if (n_rows - r == 1)
            step_tile(w, p, h_before, r, 1, in + r * stride, cp + r * units, hp + r * units);
    }
}

const struct kernel kernel_avx2_f32 = {
    .name = "avx2-f32",
    .precision = PRECISION_F32,
    .lanes = LANES,
    .group = 1,
    .depth_multiple = 1,
    .usable = usable,
    .prepare = prepare_f32,
    .project = project,
    .lstm_step = lstm_step,
};
