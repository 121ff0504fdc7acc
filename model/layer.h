/* layer.h - what every layer of the network provides, and the batch that it works on.
 *
 * A batch is `count` utterances of different lengths, packed one after the other without
 * padding: x[rows, width] with rows = the sum of lengths. Utterance u begins at row
 * lengths[0] + ... + lengths[u - 1].
 *
 * Weights (struct layer) never change after loading and are shared by all threads. Work is one
 * thread's scratch. These layers keep no state between calls: a bidirectional network needs the
 * whole utterance. */
#ifndef MODEL_LAYER_H
#define MODEL_LAYER_H

#include <jansson.h>
#include <stddef.h>

#include "audio/status.h"
#include "model/kernels/kernel.h"
#include "model/safetensors.h"

struct layer;      /* each layer type has its own */
struct layer_work; /* likewise */

struct batch {
    size_t count;
    const size_t *lengths; /* [count] frames; zero is allowed */
};

size_t batch_rows(const struct batch *batch);

struct layer_type {
    const char *name; /* "type" in the config */
    /* Reads its keys from `spec` (refusing unknown ones) and binds its tensors. `path` names the
     * spec in messages, e.g. "layers[2]". On failure *out is NULL. */
    enum asr_status (*load)(struct layer **out, const json_t *spec, const char *path,
                            const struct safetensors *tensors, const struct kernel *kernel,
                            size_t in_width, struct asr_error *err);
    void (*free)(struct layer *layer);
    size_t (*out_width)(const struct layer *layer);
    /* Both NULL for a layer that gives a frame for every frame. `stride` is how many frames in
     * one frame out is later than the one before it. */
    size_t (*out_frames)(const struct layer *layer, size_t in_frames);
    size_t (*stride)(const struct layer *layer);
    size_t (*parameters)(const struct layer *layer); /* weights, for the logs; NULL: none */
    /* All the scratch that forward() wants for batches of up to max_batch utterances, however
     * long. Both NULL for a layer that needs none. */
    enum asr_status (*work_new)(struct layer_work **out, const struct layer *layer,
                                size_t max_batch, struct asr_error *err);
    void (*work_free)(struct layer_work *work);
    /* x[rows, in_width] -> y[rows', out_width], apart from each other. Does not allocate. */
    void (*forward)(const struct layer *layer, struct layer_work *work, const struct batch *batch,
                    const float *x, float *y);
};

/* Of any width in a network, LSTM gates included: beyond any use, and each fits BLAS's int. */
enum { LAYER_MAX_WIDTH = 65536 };

/* Bytes of a tensor's name that a layer puts together, its end included. */
enum { LAYER_MAX_TENSOR_NAME = 256 };

extern const struct layer_type layer_stack, layer_lstm, layer_linear;

#endif
