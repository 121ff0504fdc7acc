/* linear.c - {"type": "linear", "weights": NAME}: y = NAME.weight[V,X] x + NAME.bias[V]. V is not
 * in the config: it is the only thing that the tensors say and the config does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gemm.h"
#include "model/json_fields.h"
#include "model/layer.h"

struct layer {
    size_t in_width, out_width;
    float *weight; /* [out_width, in_width] */
    float *bias;   /* [out_width] */
};

/* The last rows of a batch, made up to a whole block. */
struct layer_work {
    float *x; /* [GEMM_ROWS, in_width] */
    float *y; /* [GEMM_ROWS, out_width] */
};

static void linear_free(struct layer *layer)
{
    if (!layer)
        return;
    free(layer->weight);
    free(layer->bias);
    free(layer);
}

static enum asr_status read_spec(const json_t *spec, const char *path, const char **weights,
                                 struct asr_error *err)
{
    struct json_fields f;
    const char *type;
    enum asr_status st = json_fields_open(&f, spec, path, err);

    if (st == ASR_OK)
        st = json_fields_string(&f, "type", &type, err);
    if (st == ASR_OK)
        st = json_fields_string(&f, "weights", weights, err);
    return st == ASR_OK ? json_fields_done(&f, err) : st;
}

static enum asr_status bind(struct layer *layer, const struct safetensors *tensors,
                            const char *weights, struct asr_error *err)
{
    char weight[LAYER_MAX_TENSOR_NAME], bias[LAYER_MAX_TENSOR_NAME];

    if (snprintf(weight, sizeof(weight), "%s.weight", weights) >= (int)sizeof(weight) ||
        snprintf(bias, sizeof(bias), "%s.bias", weights) >= (int)sizeof(bias))
        return asr_fail(err, ASR_ERR_FORMAT, "the name of its weights is too long");
    enum asr_status st = safetensors_shape(tensors, bias, 1, &layer->out_width, err);
    if (st == ASR_OK && (layer->out_width == 0 || layer->out_width > LAYER_MAX_WIDTH))
        st = asr_fail(err, ASR_ERR_FORMAT, "tensor '%.80s' has %zu elements, expected 1 to %d",
                      bias, layer->out_width, LAYER_MAX_WIDTH);
    if (st == ASR_OK)
        st = safetensors_load_f32(tensors, bias, 1, &layer->out_width, &layer->bias, err);
    if (st == ASR_OK)
        st = safetensors_load_f32(tensors, weight, 2,
                                  (const size_t[]){layer->out_width, layer->in_width},
                                  &layer->weight, err);
    return st;
}

static enum asr_status linear_load(struct layer **out, const json_t *spec, const char *path,
                                   const struct safetensors *tensors, const struct kernel *kernel,
                                   size_t in_width, struct asr_error *err)
{
    const char *weights;
    struct asr_error why;
    enum asr_status st = read_spec(spec, path, &weights, err);

    (void)kernel; /* BLAS is one product for every machine */
    *out = NULL;
    if (st != ASR_OK)
        return st;
    struct layer *layer = calloc(1, sizeof(*layer));
    if (!layer)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
    layer->in_width = in_width;
    st = bind(layer, tensors, weights, &why);
    if (st != ASR_OK) {
        linear_free(layer);
        return asr_fail(err, st, "%s, given %zu values a frame: %s", path, in_width, why.text);
    }
    *out = layer;
    return ASR_OK;
}

static size_t linear_out_width(const struct layer *layer)
{
    return layer->out_width;
}

static size_t linear_parameters(const struct layer *layer)
{
    return layer->out_width * (layer->in_width + 1);
}

static void linear_work_free(struct layer_work *work)
{
    if (!work)
        return;
    free(work->x);
    free(work->y);
    free(work);
}

static enum asr_status linear_work_new(struct layer_work **out, const struct layer *layer,
                                       size_t max_batch, struct asr_error *err)
{
    struct layer_work *w = calloc(1, sizeof(*w));

    (void)max_batch;
    *out = NULL;
    if (w) {
        w->x = calloc(GEMM_ROWS, layer->in_width * sizeof(*w->x));
        w->y = calloc(GEMM_ROWS, layer->out_width * sizeof(*w->y));
    }
    if (!w || !w->x || !w->y) {
        linear_work_free(w);
        return asr_fail(err, ASR_ERR_NOMEM, "linear: out of memory");
    }
    *out = w;
    return ASR_OK;
}

/* GEMM_ROWS rows of y. */
static void forward_block(const struct layer *layer, const float *x, float *y)
{
    for (size_t r = 0; r < GEMM_ROWS; r++)
        memcpy(y + r * layer->out_width, layer->bias, layer->out_width * sizeof(*y));
    gemm_add_xwt(y, x, layer->weight, layer->in_width, layer->out_width);
}

static void linear_forward(const struct layer *layer, struct layer_work *work,
                           const struct batch *batch, const float *x, float *y)
{
    size_t in = layer->in_width, out = layer->out_width, left = batch_rows(batch);

    for (; left >= GEMM_ROWS; left -= GEMM_ROWS, x += GEMM_ROWS * in, y += GEMM_ROWS * out)
        forward_block(layer, x, y);
    if (left) {
        memcpy(work->x, x, left * in * sizeof(*x));
        forward_block(layer, work->x, work->y);
        memcpy(y, work->y, left * out * sizeof(*y));
    }
}

const struct layer_type layer_linear = {
    .name = "linear",
    .load = linear_load,
    .free = linear_free,
    .out_width = linear_out_width,
    .parameters = linear_parameters,
    .work_new = linear_work_new,
    .work_free = linear_work_free,
    .forward = linear_forward,
};
