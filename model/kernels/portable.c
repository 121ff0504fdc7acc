/* portable.c - every precision in plain C: the reference for the others, and the fallback.
 *
 * One row at a time, one panel of it in an array that compilers keep in vector registers. */
#include <math.h>
#include <string.h>

#include "model/kernels/all.h"
#include "model/kernels/bf16.h"
#include "model/kernels/prepare.h"

enum { LANES = 16, PANEL = KERNEL_GATES * LANES };

static bool always(void)
{
    return true;
}

static inline float sigmoid(float x)
{
    return 1.0F / (1.0F + expf(-x));
}

/* 2.0 ns where libm's tanhf() takes 9.1 (AMD EPYC, family 26), and never further than 2e-7 from it.
 * What it lacks, relative precision near 0, a sum of hundreds of products does not feel. An exp()
 * that overflows gives 1 and one that vanishes -1, as it should be. */
static inline float tanh_by_exp(float x)
{
    return 1.0F - 2.0F / (1.0F + expf(2.0F * x));
}

static void cells(const float gates[static PANEL], float *c, float *h)
{
    const float *i = gates, *f = i + LANES, *g = f + LANES, *o = g + LANES;

    for (size_t j = 0; j < LANES; j++) {
        c[j] = sigmoid(f[j]) * c[j] + sigmoid(i[j]) * tanh_by_exp(g[j]);
        h[j] = sigmoid(o[j]) * tanh_by_exp(c[j]);
    }
}

/* sum[PANEL] += a panel of W times one row. */
static void add_f32(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                    float sum[static PANEL])
{
    const float *values = (const float *)w->values + panel * PANEL * w->depth;
    const float *in = (const float *)x->values + row * x->depth;

    for (size_t k = 0; k < w->depth; k++, values += PANEL)
        for (size_t j = 0; j < PANEL; j++)
            sum[j] += values[j] * in[k];
}

static void add_bf16(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                     float sum[static PANEL])
{
    const uint16_t *values = (const uint16_t *)w->values + panel * PANEL * w->depth;
    const uint16_t *in = (const uint16_t *)x->values + row * x->depth;

    for (size_t k = 0; k < w->depth; k += 2, values += 2 * PANEL)
        for (size_t j = 0; j < PANEL; j++)
            sum[j] += float_from_bf16(values[2 * j]) * float_from_bf16(in[k]) +
                      float_from_bf16(values[2 * j + 1]) * float_from_bf16(in[k + 1]);
}

static void add_int8(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                     float sum[static PANEL])
{
    const int8_t *values = (const int8_t *)w->values + panel * PANEL * w->depth;
    const uint8_t *in = (const uint8_t *)x->values + row * x->depth;
    int32_t exact[PANEL];

    memcpy(exact, w->offsets + panel * PANEL, sizeof(exact));
    for (size_t k = 0; k < w->depth; k += 4, values += 4 * PANEL)
        for (size_t j = 0; j < PANEL; j++)
            for (size_t b = 0; b < 4; b++)
                exact[j] += values[4 * j + b] * in[k + b];
    for (size_t j = 0; j < PANEL; j++)
        sum[j] = fmaf((float)exact[j], x->scales[row] * w->scales[panel * PANEL + j], sum[j]);
}

typedef void add_panel(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                       float sum[static PANEL]);

static void project(add_panel *add, const struct packed *w, const struct rows *x, size_t n_rows,
                    const float *bias, float *gates)
{
    for (size_t r = 0; r < n_rows; r++, gates += w->panels * PANEL) {
        memcpy(gates, bias, w->panels * PANEL * sizeof(*gates));
        for (size_t p = 0; p < w->panels; p++)
            add(w, p, x, r, gates + p * PANEL);
    }
}

static void lstm_step(add_panel *add, const struct packed *w, const struct rows *h_before,
                      size_t n_rows, bool backwards, const float *gates, float *c, float *h)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < w->panels; i++) {
            size_t p = kernel_panel_at(w, i, backwards), at = r * w->panels + p;
            float sum[PANEL];
            memcpy(sum, gates + at * PANEL, sizeof(sum));
            add(w, p, h_before, r, sum);
            cells(sum, c + at * LANES, h + at * LANES);
        }
    }
}

static void project_f32(const struct packed *w, const struct rows *x, size_t n_rows,
                        const float *bias, float *gates)
{
    project(add_f32, w, x, n_rows, bias, gates);
}

static void project_bf16(const struct packed *w, const struct rows *x, size_t n_rows,
                         const float *bias, float *gates)
{
    project(add_bf16, w, x, n_rows, bias, gates);
}

static void project_int8(const struct packed *w, const struct rows *x, size_t n_rows,
                         const float *bias, float *gates)
{
    project(add_int8, w, x, n_rows, bias, gates);
}

static void lstm_step_f32(const struct packed *w, const struct rows *h_before, size_t n_rows,
                          bool backwards, const float *gates, float *c, float *h)
{
    lstm_step(add_f32, w, h_before, n_rows, backwards, gates, c, h);
}

static void lstm_step_bf16(const struct packed *w, const struct rows *h_before, size_t n_rows,
                           bool backwards, const float *gates, float *c, float *h)
{
    lstm_step(add_bf16, w, h_before, n_rows, backwards, gates, c, h);
}

static void lstm_step_int8(const struct packed *w, const struct rows *h_before, size_t n_rows,
                           bool backwards, const float *gates, float *c, float *h)
{
    lstm_step(add_int8, w, h_before, n_rows, backwards, gates, c, h);
}

const struct kernel kernel_portable_f32 = {
    .name = "portable-f32",
    .precision = PRECISION_F32,
    .lanes = LANES,
    .group = 1,
    .depth_multiple = 1,
    .usable = always,
    .prepare = prepare_f32,
    .project = project_f32,
    .lstm_step = lstm_step_f32,
};

const struct kernel kernel_portable_bf16 = {
    .name = "portable-bf16",
    .precision = PRECISION_BF16,
    .lanes = LANES,
    .group = 2,
    .depth_multiple = 2,
    .usable = always,
    .prepare = prepare_bf16,
    .project = project_bf16,
    .lstm_step = lstm_step_bf16,
};

const struct kernel kernel_portable_int8 = {
    .name = "portable-int8",
    .precision = PRECISION_INT8,
    .lanes = LANES,
    .group = 4,
    .depth_multiple = 4,
    .usable = always,
    .prepare = prepare_int8,
    .project = project_int8,
    .lstm_step = lstm_step_int8,
};
