#include "model/gemm.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "audio/count.h"

/* OpenBLAS packs all of w on every call, which only pays for itself over several rows. A step of a
 * 320-unit LSTM (k 320, n 1280), microseconds, Haswell kernels on an AMD EPYC (family 26):
 *   rows            1    2    4    8   16
 *   one sgemm     157  100   87  113  165
 *   sgemv a row    19   39   77  155  308 */
enum { MAX_ROWS_BY_GEMV = 4 };

/* BLAS counts in int. */
enum { MAX_ROWS_PER_CALL = 1 << 20 };

void gemm_add_xwt(float *y, const float *x, const float *w, size_t rows, size_t k, size_t n)
{
    if (rows <= MAX_ROWS_BY_GEMV) {
        for (size_t r = 0; r < rows; r++)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)n, (int)k, 1.0F, w, (int)k, x + r * k, 1,
                        1.0F, y + r * n, 1);
        return;
    }
    while (rows) {
        size_t part = rows < MAX_ROWS_PER_CALL ? rows : MAX_ROWS_PER_CALL;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)part, (int)n, (int)k, 1.0F, x,
                    (int)k, w, (int)k, 1.0F, y, (int)n);
        x += part * k;
        y += part * n;
        rows -= part;
    }
}

/* Fixed pseudo-random values in [-0.5, 0.5). */
static void fill(float *values, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = (float)(seed >> 8) * 0x1p-24F - 0.5F;
    }
}

struct product {
    size_t rows, k, n;
};

/* The largest difference from sums in double; not a number when the product has one. */
static double worst_error(const float *y, const float *x, const float *w, const struct product *p)
{
    double worst = 0;

    for (size_t r = 0; r < p->rows; r++) {
        for (size_t j = 0; j < p->n; j++) {
            double sum = 1;
            for (size_t i = 0; i < p->k; i++)
                sum += (double)x[r * p->k + i] * w[j * p->k + i];
            double error = fabs(sum - y[r * p->n + j]);
            if (!(error <= worst))
                worst = error;
            if (isnan(worst))
                return worst;
        }
    }
    return worst;
}

enum asr_status gemm_verify(void (*add_xwt)(float *y, const float *x, const float *w, size_t rows,
                                            size_t k, size_t n),
                            struct asr_error *err)
{
    /* One row and few; a kernel's tile and one past it; several of the blocks that k and n are cut
     * into. 13 million multiplications altogether, 10 ms. */
    static const struct product products[] = {{1, 320, 1280}, {3, 17, 5},    {16, 64, 64},
                                              {33, 65, 29},   {64, 640, 72}, {7, 1000, 1281}};
    enum { MAX_X = 64 * 640, MAX_W = 1281 * 1000, MAX_Y = 7 * 1281 };
    enum asr_status st = ASR_OK;
    float *x = malloc(MAX_X * sizeof(*x)), *w = malloc(MAX_W * sizeof(*w));
    float *y = malloc(MAX_Y * sizeof(*y));

    if (!x || !w || !y)
        st = asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; st == ASR_OK && i < COUNT(products); i++) {
        const struct product *p = &products[i];
        fill(x, p->rows * p->k, 1);
        fill(w, p->n * p->k, 2);
        for (size_t j = 0; j < p->rows * p->n; j++)
            y[j] = 1;
        add_xwt(y, x, w, p->rows, p->k, p->n);
        /* Rounding stays far below: |x w| <= 1/4, so k of them err by less than k * 2^-24 * k/4,
         * and in practice by some 1e-8 k. */
        double error = worst_error(y, x, w, p);
        if (!(error <= 1e-6 * (double)p->k))
            st = asr_fail(err, ASR_ERR_UNSUPPORTED,
                          "OpenBLAS computes wrong products on this processor, which it takes for "
                          "'%s' ([%zu,%zu] x [%zu,%zu] is off by %g): set OPENBLAS_CORETYPE, e.g. "
                          "to Haswell, or install a newer OpenBLAS",
                          openblas_get_corename(), p->rows, p->k, p->k, p->n, error);
    }
    free(x);
    free(w);
    free(y);
    return st;
}

enum asr_status gemm_prepare(struct asr_error *err)
{
    /* We use the cores by working on several requests at once. OpenBLAS's own threads would only
     * get in the way: its pool serves one caller at a time, the others wait. */
    openblas_set_num_threads(1);
    /* Releases in use (Debian 12 has 0.3.21) are older than processors in use, and pick kernels by
     * guesses about what they do not know; wrong products have come of that. */
    return gemm_verify(gemm_add_xwt, err);
}

const char *gemm_library(void)
{
    return openblas_get_config();
}
