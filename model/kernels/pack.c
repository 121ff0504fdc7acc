/* pack.c - weights and activations in the layouts of kernel.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/kernels/bf16.h"
#include "model/kernels/kernel.h"

enum { CACHE_LINE = 64 };

void *kernel_alloc(size_t count, size_t bytes_each)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, bytes_each, &bytes) ||
        __builtin_add_overflow(bytes, CACHE_LINE - 1, &bytes))
        return NULL;
    bytes = bytes / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, bytes ? bytes : CACHE_LINE);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

/* Of a row of activations. */
static size_t element_bytes(const struct kernel *kernel)
{
    static const size_t bytes[] = {[PRECISION_F32] = 4, [PRECISION_BF16] = 2, [PRECISION_INT8] = 1};

    return bytes[kernel->precision];
}

size_t kernel_panels(const struct kernel *kernel, size_t units)
{
    return (units + kernel->lanes - 1) / kernel->lanes;
}

/* Where a gate of a unit lies among [panels][KERNEL_GATES][lanes]. */
static size_t place(const struct kernel *kernel, size_t gate, size_t unit)
{
    size_t panel = unit / kernel->lanes, lane = unit % kernel->lanes;

    return (panel * KERNEL_GATES + gate) * kernel->lanes + lane;
}

/* Where column k of what stands at `at` lies among the packed values. */
static size_t value_place(const struct kernel *kernel, size_t depth, size_t at, size_t k)
{
    size_t vectors = KERNEL_GATES * kernel->lanes, group = kernel->group;
    size_t panel = at / vectors, lane = at % vectors;

    return panel * vectors * depth + k / group * vectors * group + lane * group + k % group;
}

static float largest(const float *x, size_t width)
{
    float max = 0;

    for (size_t k = 0; k < width; k++)
        max = fmaxf(max, fabsf(x[k]));
    return max;
}

static void pack_int8(const struct packed *p, const struct kernel *kernel, size_t at,
                      const float *w, size_t columns)
{
    float max = largest(w, columns);
    int32_t sum = 0;

    for (size_t k = 0; k < columns; k++) {
        int8_t q = (int8_t)(max > 0 ? lrintf(w[k] * (127 / max)) : 0);
        ((int8_t *)p->values)[value_place(kernel, p->depth, at, k)] = q;
        sum += q;
    }
    p->scales[at] = max / 127;
    p->offsets[at] = -128 * sum;
}

/* *half: x as half precision. False, where x is not one: they are 11 bits of significand from 2^-14
 * to 65504, and multiples of 2^-24 below. */
static bool exact_half(float x, uint16_t *half)
{
    float magnitude = fabsf(x), steps = magnitude * 0x1p24F;
    uint32_t bits;

    memcpy(&bits, &magnitude, sizeof(bits));
    bool normal = !(magnitude < 0x1p-14F); /* or no number at all, which is then too large */
    uint32_t value = normal ? (bits >> 13) - ((127 - 15) << 10) : (uint32_t)steps;
    *half = (uint16_t)((signbit(x) ? 0x8000U : 0) | value);
    return normal ? magnitude <= 65504 && (bits & 0x1FFF) == 0 : steps == truncf(steps);
}

static bool are_halves(const float *w, size_t count)
{
    uint16_t half;

    for (size_t k = 0; k < count; k++)
        if (!exact_half(w[k], &half))
            return false;
    return true;
}

static void pack_row(const struct packed *p, const struct kernel *kernel, size_t at, const float *w,
                     size_t columns)
{
    if (kernel->precision == PRECISION_INT8) {
        pack_int8(p, kernel, at, w, columns);
        return;
    }
    for (size_t k = 0; k < columns; k++) {
        size_t to = value_place(kernel, p->depth, at, k);
        if (kernel->precision == PRECISION_BF16)
            ((uint16_t *)p->values)[to] = bf16_from_float(w[k]);
        else if (p->halves)
            exact_half(w[k], (uint16_t *)p->values + to);
        else
            ((float *)p->values)[to] = w[k];
    }
}

enum asr_status packed_new(struct packed *out, const struct kernel *kernel, const float *w,
                           size_t units, size_t columns, struct asr_error *err)
{
    size_t multiple = kernel->depth_multiple, panels = kernel_panels(kernel, units);
    size_t vectors = panels * KERNEL_GATES * kernel->lanes;

    *out =
        (struct packed){.panels = panels, .depth = (columns + multiple - 1) / multiple * multiple};
    out->halves = kernel->reads_halves && are_halves(w, KERNEL_GATES * units * columns);
    out->values =
        kernel_alloc(vectors * out->depth, out->halves ? sizeof(uint16_t) : element_bytes(kernel));
    if (kernel->precision == PRECISION_INT8) {
        out->scales = kernel_alloc(vectors, sizeof(*out->scales));
        out->offsets = kernel_alloc(vectors, sizeof(*out->offsets));
    }
    if (!out->values || (kernel->precision == PRECISION_INT8 && (!out->scales || !out->offsets))) {
        packed_free(out);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu x %zu packed weights",
                        KERNEL_GATES * units, columns);
    }
    for (size_t gate = 0; gate < KERNEL_GATES; gate++)
        for (size_t unit = 0; unit < units; unit++)
            pack_row(out, kernel, place(kernel, gate, unit), w + (gate * units + unit) * columns,
                     columns);
    return ASR_OK;
}

void packed_free(struct packed *packed)
{
    free(packed->values);
    free(packed->scales);
    free(packed->offsets);
    *packed = (struct packed){0};
}

enum asr_status packed_bias_new(float **out, const struct kernel *kernel, const float *bias,
                                size_t units, struct asr_error *err)
{
    size_t panels = kernel_panels(kernel, units);

    *out = kernel_alloc(panels * KERNEL_GATES * kernel->lanes, sizeof(**out));
    if (!*out)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu biases", KERNEL_GATES * units);
    for (size_t gate = 0; gate < KERNEL_GATES; gate++)
        for (size_t unit = 0; unit < units; unit++)
            (*out)[place(kernel, gate, unit)] = bias[gate * units + unit];
    return ASR_OK;
}

enum asr_status rows_new(struct rows *out, const struct kernel *kernel, const struct packed *w,
                         size_t n_rows, struct asr_error *err)
{
    *out = (struct rows){.depth = w->depth};
    out->values = kernel_alloc(n_rows * w->depth, element_bytes(kernel));
    out->scales = kernel_alloc(n_rows, sizeof(*out->scales));
    if (!out->values || !out->scales) {
        rows_free(out);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu rows of %zu", n_rows, w->depth);
    }
    return ASR_OK;
}

void rows_free(struct rows *rows)
{
    free(rows->values);
    free(rows->scales);
    *rows = (struct rows){0};
}

void rows_set(const struct rows *rows, const struct kernel *kernel, size_t index, const float *x,
              size_t width)
{
    char *row = (char *)rows->values + index * rows->depth * element_bytes(kernel);

    kernel->prepare(x, width, rows->depth, row, &rows->scales[index]);
}
