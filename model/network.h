/* network.h - the acoustic network: normalisation, then the config's layers.
 *
 *   features[frames, bins] -> logits[frames', tokens]; log_softmax() makes posteriors of them
 *
 * struct network is weights (immutable, shared); struct network_work is one thread's scratch. */
#ifndef MODEL_NETWORK_H
#define MODEL_NETWORK_H

#include <stddef.h>

#include "audio/status.h"
#include "model/config.h"
#include "model/layer.h"
#include "model/safetensors.h"

struct network;
struct network_work;

/* Borrows nothing: weights are converted and copied. Checks that the widths of successive layers
 * agree, and that the last gives one logit per token. The recurrent layers' weights are packed for
 * `kernel`, which does not go away. */
enum asr_status network_load(struct network **out, const struct model_config *config,
                             const struct safetensors *tensors, const struct kernel *kernel,
                             struct asr_error *err);
void network_free(struct network *net); /* NULL is fine */

size_t network_in_width(const struct network *net);
size_t network_out_width(const struct network *net);
size_t network_out_frames(const struct network *net, size_t in_frames);
size_t network_stride(const struct network *net); /* frames in, from one frame out to the next */
size_t network_parameters(const struct network *net); /* number of weights, for the logs */

/* Scratch for batches of up to max_batch utterances. It grows, in network_reserve() only, to the
 * longest batch seen. */
enum asr_status network_work_new(struct network_work **out, const struct network *net,
                                 size_t max_batch, struct asr_error *err);
void network_work_free(struct network_work *work);
enum asr_status network_reserve(struct network_work *work, const struct network *net,
                                const struct batch *batch, struct asr_error *err);

/* features[rows, in_width] (read only) -> logits[rows', out_width], packed as the input is.
 * After network_reserve() for this batch; does not allocate, so cannot fail. */
void network_forward(const struct network *net, struct network_work *work,
                     const struct batch *batch, const float *features, float *logits);

#endif
