/* stack.c - {"type": "stack", "frames": N, "stride": S}: N successive frames become one wide frame,
 * every S frames; frames at the end that fill no window are dropped.
 *
 * Rows are contiguous, so that a window of the input already is a row of the output: each is one
 * copy, also where windows overlap (S < N) or leave frames out (S > N). */
#include <stdlib.h>
#include <string.h>

#include "model/json_fields.h"
#include "model/layer.h"

struct layer {
    size_t in_width, frames, stride;
};

static enum asr_status stack_load(struct layer **out, const json_t *spec, const char *path,
                                  const struct safetensors *tensors, const struct kernel *kernel,
                                  size_t in_width, struct asr_error *err)
{
    struct json_fields f;
    const char *type;
    struct layer read = {.in_width = in_width};
    enum asr_status st = json_fields_open(&f, spec, path, err);

    (void)tensors;
    (void)kernel;
    *out = NULL;
    if (st == ASR_OK)
        st = json_fields_string(&f, "type", &type, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "frames", 1, LAYER_MAX_WIDTH / in_width, &read.frames, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "stride", 1, LAYER_MAX_WIDTH, &read.stride, err);
    if (st == ASR_OK)
        st = json_fields_done(&f, err);
    if (st != ASR_OK)
        return st;
    *out = malloc(sizeof(**out));
    if (!*out)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
    **out = read;
    return ASR_OK;
}

static void stack_free(struct layer *layer)
{
    free(layer);
}

static size_t stack_out_width(const struct layer *layer)
{
    return layer->frames * layer->in_width;
}

static size_t stack_out_frames(const struct layer *layer, size_t in_frames)
{
    return in_frames < layer->frames ? 0 : (in_frames - layer->frames) / layer->stride + 1;
}

static size_t stack_stride(const struct layer *layer)
{
    return layer->stride;
}

static void stack_forward(const struct layer *layer, struct layer_work *work,
                          const struct batch *batch, const float *x, float *y)
{
    size_t width = stack_out_width(layer);

    (void)work;
    for (size_t u = 0; u < batch->count; u++) {
        size_t frames = stack_out_frames(layer, batch->lengths[u]);
        for (size_t t = 0; t < frames; t++) {
            memcpy(y, x + t * layer->stride * layer->in_width, width * sizeof(*y));
            y += width;
        }
        x += batch->lengths[u] * layer->in_width;
    }
}

const struct layer_type layer_stack = {
    .name = "stack",
    .load = stack_load,
    .free = stack_free,
    .out_width = stack_out_width,
    .out_frames = stack_out_frames,
    .stride = stack_stride,
    .forward = stack_forward,
};
