/* avx512_bf16.c - bfloat16 with AVX512_BF16: VDPBF16PS adds the products of two pairs to a float.
 */
#include <string.h>

#include "model/kernels/all.h"
#include "model/kernels/avx512.h"
#include "model/kernels/prepare.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
}

void prepare_bf16_avx512(const float *x, size_t width, size_t depth, void *row, float *scale)
{
    uint16_t *to = row;

    (void)scale;
    for (size_t k = 0; k < depth; k += AVX512_LANES) {
        size_t in = k < width ? width - k : 0, out = depth - k;
        __mmask16 read = in < AVX512_LANES ? (__mmask16)((1U << in) - 1) : 0xFFFF;
        __mmask16 write = out < AVX512_LANES ? (__mmask16)((1U << out) - 1) : 0xFFFF;
        __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(read, x + k));
        _mm256_mask_storeu_epi16(to + k, write, (__m256i)half);
    }
}

/* _mm512_dpbf16_ps(), for which gcc 12 copies the sum to another register and back. */
AVX512_INLINE __m512 dot(__m512 sum, __m512i activations, __m512i weights)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(activations), "v"(weights));
    return sum;
}

AVX512_INLINE void tile(const struct packed *w, size_t panel, const struct rows *x,
                        size_t first_row, size_t rows, const float *start, size_t start_stride,
                        __m512 sum[][KERNEL_GATES])
{
    const uint16_t *values = (const uint16_t *)w->values + panel * AVX512_PANEL * w->depth;
    const uint16_t *in = (const uint16_t *)x->values + first_row * x->depth;

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            sum[r][g] = _mm512_load_ps(start + r * start_stride + g * AVX512_LANES);
    for (size_t k = 0; k < w->depth; k += 2, values += 2 * AVX512_PANEL) {
        __m512i weight[KERNEL_GATES];
        for (size_t g = 0; g < KERNEL_GATES; g++)
            weight[g] = _mm512_load_si512(values + 2 * g * AVX512_LANES);
        for (size_t r = 0; r < rows; r++) {
            int32_t pair;
            memcpy(&pair, in + r * x->depth + k, sizeof(pair));
            __m512i value = _mm512_set1_epi32(pair);
            for (size_t g = 0; g < KERNEL_GATES; g++)
                sum[r][g] = dot(sum[r][g], value, weight[g]);
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

const struct kernel kernel_avx512_bf16 = {
    .name = "avx512-bf16",
    .precision = PRECISION_BF16,
    .lanes = AVX512_LANES,
    .group = 2,
    .depth_multiple = 2,
    .usable = usable,
    .prepare = prepare_bf16_avx512,
    .project = project,
    .lstm_step = lstm_step,
};
