/* avx512_vnni.c - int8 with AVX512_VNNI: VPDPBUSD adds four products of bytes to an int32. */
#include <string.h>

#include "model/kernels/all.h"
#include "model/kernels/avx512.h"
#include "model/kernels/prepare.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
}

AVX512_INLINE __mmask16 first_lanes(size_t count)
{
    return count < AVX512_LANES ? (__mmask16)((1U << count) - 1) : 0xFFFF;
}

void prepare_int8_avx512(const float *x, size_t width, size_t depth, void *row, float *scale)
{
    uint8_t *to = row;
    __m512 max = _mm512_setzero_ps();

    for (size_t k = 0; k < width; k += AVX512_LANES)
        max =
            _mm512_max_ps(max, _mm512_abs_ps(_mm512_maskz_loadu_ps(first_lanes(width - k), x + k)));
    float largest = _mm512_reduce_max_ps(max);
    const __m512 factor = _mm512_set1_ps(largest > 0 ? 127 / largest : 0);
    for (size_t k = 0; k < depth; k += AVX512_LANES) {
        __mmask16 read = first_lanes(k < width ? width - k : 0);
        __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(read, x + k), factor);
        __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(scaled), _mm512_set1_epi32(128));
        _mm512_mask_cvtepi32_storeu_epi8(to + k, first_lanes(depth - k), q);
    }
    *scale = largest / 127;
}

/* _mm512_dpbusd_epi32(), for which gcc 12 copies the sum to another register and back. */
AVX512_INLINE __m512i dot(__m512i sum, __m512i activations, __m512i weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(activations), "v"(weights));
    return sum;
}

AVX512_INLINE void tile(const struct packed *w, size_t panel, const struct rows *x,
                        size_t first_row, size_t rows, const float *start, size_t start_stride,
                        __m512 sum[][KERNEL_GATES])
{
    const int8_t *values = (const int8_t *)w->values + panel * AVX512_PANEL * w->depth;
    const uint8_t *in = (const uint8_t *)x->values + first_row * x->depth;
    const float *scales = w->scales + panel * AVX512_PANEL;
    __m512i exact[AVX512_TILE_ROWS][KERNEL_GATES];

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            exact[r][g] = _mm512_load_si512(w->offsets + panel * AVX512_PANEL + g * AVX512_LANES);
    for (size_t k = 0; k < w->depth; k += 4, values += 4 * AVX512_PANEL) {
        __m512i weight[KERNEL_GATES];
        for (size_t g = 0; g < KERNEL_GATES; g++)
            weight[g] = _mm512_load_si512(values + 4 * g * AVX512_LANES);
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, in + r * x->depth + k, sizeof(four));
            __m512i value = _mm512_set1_epi32(four);
            for (size_t g = 0; g < KERNEL_GATES; g++)
                exact[r][g] = dot(exact[r][g], value, weight[g]);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        __m512 row_scale = _mm512_set1_ps(x->scales[first_row + r]);
        for (size_t g = 0; g < KERNEL_GATES; g++) {
            __m512 scale = _mm512_mul_ps(row_scale, _mm512_load_ps(scales + g * AVX512_LANES));
            __m512 before = _mm512_load_ps(start + r * start_stride + g * AVX512_LANES);
            sum[r][g] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[r][g]), scale, before);
        }
    }
}

static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    avx512_project(tile, w, x, n_rows, bias, gates);
}

static void lstm_step(const struct packed *w, const struct rows *h_before, size_t n_rows,
                      bool backwards, const float *gates, float *c, float *h)
{
    avx512_lstm_step(tile, w, h_before, n_rows, backwards, gates, c, h);
}

const struct kernel kernel_avx512_vnni = {
    .name = "avx512-vnni",
    .precision = PRECISION_INT8,
    .lanes = AVX512_LANES,
    .group = 4,
    .depth_multiple = 4,
    .usable = usable,
    .prepare = prepare_int8_avx512,
    .project = project,
    .lstm_step = lstm_step,
};
