/* normalise.h - features -> the network's input: a mean taken off, a deviation divided by. */
#ifndef MODEL_NORMALISE_H
#define MODEL_NORMALISE_H

#include <stddef.h>

#include "audio/status.h"
#include "model/config.h"
#include "model/layer.h"
#include "model/safetensors.h"

struct normalise; /* immutable after loading; shared by all threads */

/* As config->normalisation says, for features.num_mel_bins bins. A deviation that is not positive
 * is refused by its tensor's name. Borrows nothing. On failure *out is NULL. */
enum asr_status normalise_load(struct normalise **out, const struct model_config *config,
                               const struct safetensors *tensors, struct asr_error *err);
void normalise_free(struct normalise *n); /* NULL is fine */

/* x[rows, bins] -> y[rows, bins], apart from each other. `mean` is scratch for bins values. Does
 * not allocate. */
void normalise_forward(const struct normalise *n, double *mean, const struct batch *batch,
                       const float *x, float *y);

#endif
