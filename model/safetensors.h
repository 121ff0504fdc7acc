/* safetensors.h - named tensors from a safetensors file, mapped read-only.
 *
 * Every rule of model/FORMAT.md, section model.safetensors, is checked on opening; afterwards
 * each tensor lies wholly inside the file and its byte size equals shape x dtype. No alignment
 * and no order is assumed. Immutable after opening; shared by all threads. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stddef.h>

#include "audio/status.h"

struct safetensors;

/* Maps the file. ASR_ERR_IO or ASR_ERR_FORMAT; the text names the file and the tensor. */
enum asr_status safetensors_open(struct safetensors **out, const char *path, struct asr_error *err);
/* The same over bytes that the caller keeps; `name` stands for the file in messages. */
enum asr_status safetensors_parse(struct safetensors **out, const void *bytes, size_t n_bytes,
                                  const char *name, struct asr_error *err);
void safetensors_close(struct safetensors *st); /* NULL is fine */

/* A tensor of exactly this rank and shape, converted to float32 (from F32, F16 or BF16) into
 * freshly allocated, 64-byte aligned memory: free(). ASR_ERR_FORMAT names the tensor and both
 * shapes, or its dtype. */
enum asr_status safetensors_load_f32(const struct safetensors *st, const char *tensor, size_t rank,
                                     const size_t *shape, float **out, struct asr_error *err);

/* The shape of a tensor of that rank, for what the config leaves to the weights. */
enum asr_status safetensors_shape(const struct safetensors *st, const char *tensor, size_t rank,
                                  size_t *shape, struct asr_error *err);

#endif
