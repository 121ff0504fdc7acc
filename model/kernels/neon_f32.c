/* neon_f32.c - float32 with AArch64's Advanced SIMD: 4 units a panel, tiles of five rows (20
 * registers of sums, 4 of weights, 1 of activations). See avx512.h, whose arithmetic this is. */
#include <arm_neon.h>

#include "model/kernels/all.h"
#include "model/kernels/prepare.h"

enum { LANES = 4, TILE_ROWS = 5, PANEL = KERNEL_GATES * LANES };

#define INLINE static inline __attribute__((always_inline))

/* Every AArch64 has it. */
static bool usable(void)
{
    return true;
}

/* As avx512_exp(). 2^n is made of its bits: |n| <= 41. */
INLINE float32x4_t exp_within_28(float32x4_t x)
{
    x = vmaxq_f32(vminq_f32(x, vdupq_n_f32(28)), vdupq_n_f32(-28));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504088896341F));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375F));
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4F));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4F);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3F), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3F), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2F), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1F), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1F), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1)), vmulq_f32(r, r), p);
    int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(power));
}

/* As avx512_cells(). */
INLINE void cells(const float32x4_t gate[KERNEL_GATES], float *c_memory, float *h_memory)
{
    const float32x4_t one = vdupq_n_f32(1);
    float32x4_t ei = exp_within_28(vnegq_f32(gate[0]));
    float32x4_t ef = exp_within_28(vnegq_f32(gate[1]));
    float32x4_t eg = exp_within_28(vmulq_n_f32(gate[2], -2));
    float32x4_t eo = exp_within_28(vnegq_f32(gate[3]));
    float32x4_t ig = vmulq_f32(vaddq_f32(one, ei), vaddq_f32(one, eg));
    float32x4_t f = vaddq_f32(one, ef);

    float32x4_t c = vfmaq_f32(vmulq_f32(vsubq_f32(one, eg), f), vld1q_f32(c_memory), ig);
    c = vdivq_f32(c, vmulq_f32(ig, f));
    float32x4_t ec = exp_within_28(vmulq_n_f32(c, -2));
    float32x4_t h =
        vdivq_f32(vsubq_f32(one, ec), vmulq_f32(vaddq_f32(one, eo), vaddq_f32(one, ec)));
    vst1q_f32(c_memory, c);
    vst1q_f32(h_memory, h);
}

/* sum[rows][KERNEL_GATES] = start + rows of x, from first_row on, times a panel of w. Rows of
 * `start` are start_stride floats apart. */
INLINE void tile(const struct packed *w, size_t panel, const struct rows *x, size_t first_row,
                 size_t rows, const float *start, size_t start_stride,
                 float32x4_t sum[][KERNEL_GATES])
{
    const float *values = (const float *)w->values + panel * PANEL * w->depth;
    const float *in = (const float *)x->values + first_row * x->depth;

    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            sum[r][g] = vld1q_f32(start + r * start_stride + g * LANES);
    for (size_t k = 0; k < w->depth; k++, values += PANEL) {
        float32x4_t weight[KERNEL_GATES];
        for (size_t g = 0; g < KERNEL_GATES; g++)
            weight[g] = vld1q_f32(values + g * LANES);
        for (size_t r = 0; r < rows; r++)
            for (size_t g = 0; g < KERNEL_GATES; g++)
                sum[r][g] = vfmaq_n_f32(sum[r][g], weight[g], in[r * x->depth + k]);
    }
}

INLINE void project_tile(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                         size_t rows, const float *bias, float *gates)
{
    float32x4_t sum[TILE_ROWS][KERNEL_GATES];

    tile(w, panel, x, row, rows, bias, 0, sum);
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < KERNEL_GATES; g++)
            vst1q_f32(gates + r * w->panels * PANEL + g * LANES, sum[r][g]);
}

INLINE void step_tile(const struct packed *w, size_t panel, const struct rows *h_before, size_t row,
                      size_t rows, const float *gates, float *c, float *h)
{
    float32x4_t sum[TILE_ROWS][KERNEL_GATES];

    tile(w, panel, h_before, row, rows, gates, w->panels * PANEL, sum);
    for (size_t r = 0; r < rows; r++)
        cells(sum[r], c + r * w->panels * LANES, h + r * w->panels * LANES);
}

/* Full tiles, then row by row. */
static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    size_t stride = w->panels * PANEL;

    for (size_t p = 0; p < w->panels; p++, bias += PANEL, gates += PANEL) {
        size_t r = 0;
        for (; r + TILE_ROWS <= n_rows; r += TILE_ROWS)
            project_tile(w, p, x, r, TILE_ROWS, bias, gates + r * stride);
        for (; r < n_rows; r++)
            project_tile(w, p, x, r, 1, bias, gates + r * stride);
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
        for (; r < n_rows; r++)
            step_tile(w, p, h_before, r, 1, in + r * stride, cp + r * units, hp + r * units);
    }
}

const struct kernel kernel_neon_f32 = {
    .name = "neon-f32",
    .precision = PRECISION_F32,
    .lanes = LANES,
    .group = 1,
    .depth_multiple = 1,
    .usable = usable,
    .prepare = prepare_f32,
    .project = project,
    .lstm_step = lstm_step,
};
