/* avx512_f32.c - float32 with AVX-512F. */
#include "model/kernels/all.h"
#include "model/kernels/avx512.h"
#include "model/kernels/prepare.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f");
}

AVX512_INLINE __m512 load_weights(const struct packed *w, bool halves, size_t at)
{
    return halves ? _mm512_cvtph_ps(_mm256_load_si256(
                        (const __m256i *)(const void *)((const uint16_t *)w->values + at)))
                  : _mm512_load_ps((const float *)w->values + at);
}

AVX512_INLINE void tile(const struct packed *w, bool halves, size_t panel, const struct rows *x,
                        size_t first_row, size_t rows, const float *start, size_t start_stride,
                        __m512 sum[][KERNEL_GATES])
{
    const float *in = (const float *)x->values + first_row * x->depth;
    size_t at = panel * AVX512_PANEL * w->depth;

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            sum[r][g] = _mm512_load_ps(start + r * start_stride + g * AVX512_LANES);
    for (size_t k = 0; k < w->depth; k++, at += AVX512_PANEL) {
        __m512 weight[KERNEL_GATES];
        for (size_t g = 0; g < KERNEL_GATES; g++)
            weight[g] = load_weights(w, halves, at + g * AVX512_LANES);
        for (size_t r = 0; r < rows; r++) {
            __m512 value = _mm512_set1_ps(in[r * x->depth + k]);
            for (size_t g = 0; g < KERNEL_GATES; g++)
                sum[r][g] = _mm512_fmadd_ps(weight[g], value, sum[r][g]);
        }
    }
}

AVX512_INLINE void tile_of_floats(const struct packed *w, size_t panel, const struct rows *x,
                                  size_t first_row, size_t rows, const float *start,
                                  size_t start_stride, __m512 sum[][KERNEL_GATES])
{
    tile(w, false, panel, x, first_row, rows, start, start_stride, sum);
}

AVX512_INLINE void tile_of_halves(const struct packed *w, size_t panel, const struct rows *x,
                                  size_t first_row, size_t rows, const float *start,
                                  size_t start_stride, __m512 sum[][KERNEL_GATES])
{
    tile(w, true, panel, x, first_row, rows, start, start_stride, sum);
}

static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    if (w->halves)
        avx512_project(tile_of_halves, w, x, n_rows, bias, gates);
    else
        avx512_project(tile_of_floats, w, x, n_rows, bias, gates);
}

static void lstm_step(const struct packed *w, const struct rows *h_before, size_t n_rows,
                      bool backwards, const float *gates, float *c, float *h)
{
    if (w->halves)
        avx512_lstm_step(tile_of_halves, w, h_before, n_rows, backwards, gates, c, h);
    else
        avx512_lstm_step(tile_of_floats, w, h_before, n_rows, backwards, gates, c, h);
}

const struct kernel kernel_avx512_f32 = {
    .name = "avx512-f32",
    .precision = PRECISION_F32,
    .reads_halves = true,
    .lanes = AVX512_LANES,
    .group = 1,
    .depth_multiple = 1,
    .usable = usable,
    .prepare = prepare_f32,
    .project = project,
    .lstm_step = lstm_step,
};
