#include "model/gemm.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"

void gemm_add_xwt(float *y, const float *x, const float *w, size_t k, size_t n)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, GEMM_ROWS, (int)n, (int)k, 1.0F, x, (int)k,
                w, (int)k, 1.0F, y, (int)n);
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
    size_t k, n;
};

/* The largest difference from sums in double; not a number when the product has one. */
static double worst_error(const float *y, const float *x, const float *w, const struct product *p)
{
    double worst = 0;

    for (size_t r = 0; r < GEMM_ROWS; r++) {
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

typedef void add_product(float *y, const float *x, const float *w, size_t k, size_t n);

static enum asr_status verify_values(add_product *add_xwt, const struct product *p, float *y,
                                     float *x, float *w, struct asr_error *err)
{
    fill(x, GEMM_ROWS * p->k, 1);
    fill(w, p->n * p->k, 2);
    for (size_t j = 0; j < GEMM_ROWS * p->n; j++)
        y[j] = 1;
    add_xwt(y, x, w, p->k, p->n);
    /* Rounding stays far below: |x w| <= 1/4, so k of them err by less than k * 2^-24 * k/4,
     * and in practice by some 1e-8 k. */
    double error = worst_error(y, x, w, p);
    if (error <= 1e-6 * (double)p->k)
        return ASR_OK;
    return asr_fail(err, ASR_ERR_UNSUPPORTED,
                    "OpenBLAS computes wrong products on this processor, which it takes for "
                    "'%s' ([%d,%zu] x [%zu,%zu] is off by %g): set OPENBLAS_CORETYPE, e.g. "
                    "to Haswell, or install a newer OpenBLAS",
                    openblas_get_corename(), GEMM_ROWS, p->k, p->k, p->n, error);
}

/* With what verify_values() has left in x and w: each row of x becomes the first. */
static enum asr_status verify_rows(add_product *add_xwt, const struct product *p, float *y,
                                   float *x, const float *w, struct asr_error *err)
{
    for (size_t r = 1; r < GEMM_ROWS; r++)
        memcpy(x + r * p->k, x, p->k * sizeof(*x));
    memset(y, 0, GEMM_ROWS * p->n * sizeof(*y));
    add_xwt(y, x, w, p->k, p->n);
    for (size_t r = 1; r < GEMM_ROWS; r++)
        if (memcmp(y + r * p->n, y, p->n * sizeof(*y)) != 0)
            return asr_fail(err, ASR_ERR_UNSUPPORTED,
                            "OpenBLAS gives row %zu of a product [%d,%zu] x [%zu,%zu] another "
                            "result than the same row in front of it (kernels for '%s'): set "
                            "OPENBLAS_CORETYPE, e.g. to Haswell",
                            r, GEMM_ROWS, p->k, p->k, p->n, openblas_get_corename());
    return ASR_OK;
}

enum asr_status gemm_verify(add_product *add_xwt, struct asr_error *err)
{
    /* A kernel's tile and one past it; several of the blocks that k and n are cut into; an output
     * layer. 5.6 million multiplications altogether, 10 ms. */
    static const struct product products[] = {{64, 64}, {17, 5}, {65, 29}, {640, 72}, {1000, 641}};
    enum { MAX_X = GEMM_ROWS * 1000, MAX_W = 641 * 1000, MAX_Y = GEMM_ROWS * 641 };
    enum asr_status st = ASR_OK;
    float *x = malloc(MAX_X * sizeof(*x)), *w = malloc(MAX_W * sizeof(*w));
    float *y = malloc(MAX_Y * sizeof(*y));

    if (!x || !w || !y)
        st = asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    for (size_t i = 0; st == ASR_OK && i < COUNT(products); i++) {
        st = verify_values(add_xwt, &products[i], y, x, w, err);
        if (st == ASR_OK)
            st = verify_rows(add_xwt, &products[i], y, x, w, err);
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
