/* kernel_pair.h - two kernels of one precision and as many lanes, on the same random numbers. */
#ifndef TESTS_SUPPORT_KERNEL_PAIR_H
#define TESTS_SUPPORT_KERNEL_PAIR_H

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "model/kernels/kernel.h"

enum { PAIR_GATES, PAIR_C, PAIR_H, PAIR_RESULTS };

static inline void fill_pair(float *values, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = (float)(seed >> 8) * 0x1p-23F - 1;
    }
}

/* A projection of rows of x, and a step from it with the same rows as what was before. */
static inline void run_kernel(const struct kernel *kernel, size_t units, size_t columns,
                              size_t n_rows, float *results[PAIR_RESULTS])
{
    size_t padded = kernel_panels(kernel, units) * kernel->lanes;
    float *w = malloc(KERNEL_GATES * units * columns * 4), *bias = malloc(KERNEL_GATES * units * 4);
    float *x = malloc(n_rows * columns * 4), *packed_bias;
    struct packed packed;
    struct rows rows;

    fill_pair(w, KERNEL_GATES * units * columns, 1);
    fill_pair(bias, KERNEL_GATES * units, 2);
    fill_pair(x, n_rows * columns, 3);
    ck_assert_int_eq(packed_new(&packed, kernel, w, units, columns, NULL), ASR_OK);
    ck_assert_int_eq(packed_bias_new(&packed_bias, kernel, bias, units, NULL), ASR_OK);
    ck_assert_int_eq(rows_new(&rows, kernel, &packed, n_rows, NULL), ASR_OK);
    for (size_t r = 0; r < n_rows; r++)
        rows_set(&rows, kernel, r, x + r * columns, columns);
    results[PAIR_GATES] = kernel_alloc(n_rows, KERNEL_GATES * padded * 4);
    results[PAIR_C] = kernel_alloc(n_rows, padded * 4);
    results[PAIR_H] = kernel_alloc(n_rows, padded * 4);
    kernel->project(&packed, &rows, n_rows, packed_bias, results[PAIR_GATES]);
    kernel->lstm_step(&packed, &rows, n_rows, n_rows % 2 == 0, results[PAIR_GATES], results[PAIR_C],
                      results[PAIR_H]);
    rows_free(&rows);
    packed_free(&packed);
    free(packed_bias);
    free(w);
    free(bias);
    free(x);
}

/* Over shapes around the tiles and 1 to 40 rows: gates, c and h no further apart than that. */
static inline void assert_kernels_agree(const struct kernel *a, const struct kernel *b,
                                        float of_gates, float of_cells)
{
    static const size_t shapes[][2] = {{1, 1}, {17, 65}, {33, 7}, {40, 130}};
    static const size_t n_rows[] = {1, 2, 15, 16, 17, 40};
    ck_assert_uint_eq(a->lanes, b->lanes);
    for (size_t i = 0; i < 4 * 6; i++) {
        size_t units = shapes[i / 6][0], rows = n_rows[i % 6];
        size_t padded = kernel_panels(a, units) * a->lanes;
        float *x[PAIR_RESULTS], *y[PAIR_RESULTS];
        run_kernel(a, units, shapes[i / 6][1], rows, x);
        run_kernel(b, units, shapes[i / 6][1], rows, y);
        for (size_t k = 0; k < PAIR_RESULTS; k++) {
            size_t count = rows * padded * (k == PAIR_GATES ? KERNEL_GATES : 1);
            for (size_t j = 0; j < count; j++)
                ck_assert_float_le(fabsf(x[k][j] - y[k][j]), k == PAIR_GATES ? of_gates : of_cells);
            free(x[k]);
            free(y[k]);
        }
    }
}

#endif
