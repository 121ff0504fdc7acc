/* kernel.h - the arithmetic of recurrent layers, once per instruction set and precision.
 *
 * A kernel multiplies rows of activations with a weight matrix that was packed for it at load, and
 * makes a step of LSTM cells of the products:
 *
 *   project     gates = W_ih x + bias            for many steps at once
 *   lstm_step   gates + W_hh h -> c, h           for one step of every utterance in the batch
 *
 * Weights lie in panels of KERNEL_GATES vectors of `lanes` rows of W. For an LSTM the vectors of a
 * panel are the gates i, f, g, o of the same `lanes` units, so that a cell can be computed from
 * the registers that the products were summed in. Units are padded with zeros to whole panels:
 *
 *   packed values  [panels][depth / group][KERNEL_GATES][lanes][group]
 *   gates          [rows][panels][KERNEL_GATES][lanes] float
 *   h, c           [rows][panels * lanes] float
 *
 * Whatever the number of rows and a row's place among them, an element of the result is the same
 * operations in the same order: results are bit-identical whatever shares the batch.
 *
 * Precisions. f32: as it stands. bf16: weights and activations rounded to 8 bits of significand,
 * products summed in f32. int8: weights symmetric, one scale a row of W; activations symmetric, one
 * scale a row, found when the row is prepared; summed exactly in int32, so that all int8 kernels
 * agree bit for bit up to the cell. */
#ifndef MODEL_KERNELS_KERNEL_H
#define MODEL_KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

enum precision { PRECISION_AUTO, PRECISION_F32, PRECISION_BF16, PRECISION_INT8 };
enum { KERNEL_GATES = 4 };

/* A weight matrix as one kernel wants it. Immutable once packed. */
struct packed {
    size_t panels, depth; /* depth: columns of W, padded */
    void *values;
    bool halves;      /* values are IEEE half precision (struct kernel's reads_halves) */
    float *scales;    /* int8: [panels][KERNEL_GATES][lanes]; else NULL */
    int32_t *offsets; /* int8: likewise: -128 * the sum of a row's weights */
};

/* Activations as one kernel reads them: values[rows][depth]. */
struct rows {
    size_t depth; /* of the matrix that they are for */
    void *values;
    float *scales; /* int8: [rows]; else unused */
};

struct kernel {
    const char *name;
    enum precision precision;
    /* f32: takes weights as half precision where that loses nothing. Models are often stored so; a
     * recurrent matrix of half the size is the sooner read from a cache, or fits a nearer one. */
    bool reads_halves;
    size_t lanes;
    size_t group;          /* successive k that lie side by side in a lane */
    size_t depth_multiple; /* that columns are padded to */
    bool (*usable)(void);  /* on this machine */
    /* x[width] -> one row of struct rows; width <= depth. */
    void (*prepare)(const float *x, size_t width, size_t depth, void *row, float *scale);
    /* bias and gates as above. */
    void (*project)(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates);
    /* h_before: prepared; c is read and written. `backwards` takes the panels from the last to the
     * first, to the same result: where steps alternate, weights too large for a cache find in it
     * what the step before has read last. One utterance, 320 units, 1.6 MB of floats and 1 MB of
     * cache: the whole network takes 0.85 of the time. */
    void (*lstm_step)(const struct packed *w, const struct rows *h_before, size_t n_rows,
                      bool backwards, const float *gates, float *c, float *h);
};

/* All that this build has, the fastest first within a precision. */
extern const struct kernel *const kernels[];
extern const size_t n_kernels;

const char *precision_name(enum precision precision);
enum precision precision_by_name(const char *name); /* PRECISION_AUTO also for what is none */

/* `name`: that one, "" for the fastest usable of `wanted`. PRECISION_AUTO: of int8, bf16 and f32
 * the first that is in `trusted` (bits 1 << enum precision) and that this machine has instructions
 * for. ASR_ERR_INVALID for a name that is unknown, of another precision, or not for this
 * machine; the text lists those that are. */
enum asr_status kernel_choose(const struct kernel **out, enum precision wanted, unsigned trusted,
                              const char *name, struct asr_error *err);

/* W[KERNEL_GATES * units, columns], gate after gate as PyTorch has them -> *out, for `kernel`. */
enum asr_status packed_new(struct packed *out, const struct kernel *kernel, const float *w,
                           size_t units, size_t columns, struct asr_error *err);
void packed_free(struct packed *packed);

size_t kernel_panels(const struct kernel *kernel, size_t units);

/* bias[KERNEL_GATES * units] -> *out[panels][KERNEL_GATES][lanes]: free(). */
enum asr_status packed_bias_new(float **out, const struct kernel *kernel, const float *bias,
                                size_t units, struct asr_error *err);

/* Memory for n_rows that are to be multiplied with `w`. */
enum asr_status rows_new(struct rows *out, const struct kernel *kernel, const struct packed *w,
                         size_t n_rows, struct asr_error *err);
void rows_free(struct rows *rows);

/* The panel that comes i-th. */
static inline size_t kernel_panel_at(const struct packed *w, size_t i, bool backwards)
{
    return backwards ? w->panels - 1 - i : i;
}

/* x[width] -> row `index`. */
void rows_set(const struct rows *rows, const struct kernel *kernel, size_t index, const float *x,
              size_t width);

/* Zeroed, on a cache line's boundary: free(). NULL also for a size that overflows. */
void *kernel_alloc(size_t count, size_t bytes_each);

#endif
