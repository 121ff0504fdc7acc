/* network.c - see network.h for the contract. The network is a list of layers; each is found by its
 * type's name in one table and knows its own keys and tensors (model/layer.h). Between layers, rows
 * go back and forth between two buffers; the last layer writes into the caller's. */
#include "model/network.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/gemm.h"
#include "model/normalise.h"

static const struct layer_type *const layer_types[] = {&layer_stack, &layer_lstm, &layer_linear};

/* Frames in per frame out. */
enum { MAX_STRIDE = 65536 };

struct stage {
    const struct layer_type *type;
    struct layer *layer;
    size_t in_width;
};

struct network {
    struct normalise *normalise;
    size_t in_width, out_width, stride;
    size_t n_stages;
    struct stage stages[];
};

struct network_work {
    const struct network *net; /* whose layers know how to free layer_work */
    size_t max_batch;
    size_t *lengths[2]; /* [max_batch]: a layer's input and its output */
    float *rows[2];     /* [capacity] floats each, likewise */
    size_t capacity;
    double *mean; /* [in_width], for normalise_forward() */
    struct layer_work *layer_work[];
};

static size_t stage_out_frames(const struct stage *s, size_t in_frames)
{
    return s->type->out_frames ? s->type->out_frames(s->layer, in_frames) : in_frames;
}

static enum asr_status load_stage(struct stage *s, const json_t *spec, size_t index,
                                  const struct safetensors *tensors, const struct kernel *kernel,
                                  struct asr_error *err)
{
    char path[32];
    const char *type = json_string_value(json_object_get(spec, "type"));

    snprintf(path, sizeof(path), "layers[%zu]", index);
    if (!type)
        return asr_fail(err, ASR_ERR_FORMAT, "%s.type: expected a string", path);
    for (size_t i = 0; i < COUNT(layer_types); i++) {
        if (strcmp(type, layer_types[i]->name) == 0) {
            s->type = layer_types[i];
            return s->type->load(&s->layer, spec, path, tensors, kernel, s->in_width, err);
        }
    }
    return asr_fail(err, ASR_ERR_UNSUPPORTED, "%s.type: '%.64s' is not stack, lstm or linear", path,
                    type);
}

static enum asr_status load_stages(struct network *net, const struct model_config *config,
                                   const struct safetensors *tensors, const struct kernel *kernel,
                                   struct asr_error *err)
{
    size_t width = net->in_width, count = json_array_size(config->layers);

    for (size_t i = 0; i < count; i++) {
        struct stage *s = &net->stages[i];
        s->in_width = width;
        enum asr_status st =
            load_stage(s, json_array_get(config->layers, i), i, tensors, kernel, err);
        if (st != ASR_OK)
            return st;
        net->n_stages++;
        width = s->type->out_width(s->layer);
        if (s->type->stride)
            net->stride *= s->type->stride(s->layer);
        if (net->stride > MAX_STRIDE)
            return asr_fail(err, ASR_ERR_FORMAT,
                            "layers[%zu].stride: one frame of %zu is over the limit of %d", i,
                            net->stride, MAX_STRIDE);
    }
    net->out_width = width;
    if (width != config->n_tokens)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "layers[%zu] gives %zu values a frame, but tokens has %zu labels",
                        count - 1, width, config->n_tokens);
    return ASR_OK;
}

enum asr_status network_load(struct network **out, const struct model_config *config,
                             const struct safetensors *tensors, const struct kernel *kernel,
                             struct asr_error *err)
{
    struct network *net;
    struct asr_error why;
    enum asr_status st = gemm_prepare(err);

    *out = NULL;
    if (st != ASR_OK)
        return st;
    net = calloc(1, sizeof(*net) + json_array_size(config->layers) * sizeof(net->stages[0]));
    if (!net)
        return asr_fail(err, ASR_ERR_NOMEM, "network: out of memory");
    net->in_width = config->features.num_mel_bins;
    net->stride = 1;
    st = normalise_load(&net->normalise, config, tensors, &why);
    if (st == ASR_OK)
        st = load_stages(net, config, tensors, kernel, &why);
    if (st != ASR_OK) {
        network_free(net);
        return asr_fail(err, st, "%s: %s", config->file, why.text);
    }
    *out = net;
    return ASR_OK;
}

void network_free(struct network *net)
{
    if (!net)
        return;
    for (size_t i = 0; i < net->n_stages; i++)
        net->stages[i].type->free(net->stages[i].layer);
    normalise_free(net->normalise);
    free(net);
}

size_t network_in_width(const struct network *net)
{
    return net->in_width;
}

size_t network_out_width(const struct network *net)
{
    return net->out_width;
}

size_t network_out_frames(const struct network *net, size_t in_frames)
{
    for (size_t i = 0; i < net->n_stages; i++)
        in_frames = stage_out_frames(&net->stages[i], in_frames);
    return in_frames;
}

size_t network_stride(const struct network *net)
{
    return net->stride;
}

size_t network_parameters(const struct network *net)
{
    size_t count = 0;
    for (size_t i = 0; i < net->n_stages; i++) {
        const struct stage *s = &net->stages[i];
        count += s->type->parameters ? s->type->parameters(s->layer) : 0;
    }
    return count;
}

void network_work_free(struct network_work *work)
{
    if (!work)
        return;
    for (size_t i = 0; i < work->net->n_stages; i++)
        if (work->layer_work[i])
            work->net->stages[i].type->work_free(work->layer_work[i]);
    for (size_t k = 0; k < 2; k++) {
        free(work->lengths[k]);
        free(work->rows[k]);
    }
    free(work->mean);
    free(work);
}

enum asr_status network_work_new(struct network_work **out, const struct network *net,
                                 size_t max_batch, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct network_work *w = calloc(1, sizeof(*w) + net->n_stages * sizeof(struct layer_work *));

    *out = NULL;
    if (!w)
        return asr_fail(err, ASR_ERR_NOMEM, "network: out of memory");
    w->net = net;
    w->max_batch = max_batch;
    w->mean = calloc(net->in_width, sizeof(*w->mean));
    for (size_t k = 0; k < 2; k++)
        w->lengths[k] = calloc(max_batch, sizeof(*w->lengths[k]));
    if (!w->mean || !w->lengths[0] || !w->lengths[1])
        st = asr_fail(err, ASR_ERR_NOMEM, "network: out of memory for batches of %zu", max_batch);
    for (size_t i = 0; i < net->n_stages && st == ASR_OK; i++) {
        const struct stage *s = &net->stages[i];
        if (s->type->work_new)
            st = s->type->work_new(&w->layer_work[i], s->layer, max_batch, err);
    }
    if (st != ASR_OK) {
        network_work_free(w);
        return st;
    }
    *out = w;
    return ASR_OK;
}

/* The most floats that stand between two layers for this batch; false if that overflows. At least
 * one, so that rows have an address even where there are none. */
static bool largest_rows(const struct network *net, const struct batch *batch, size_t *floats)
{
    *floats = 1;
    for (size_t i = 0; i < net->n_stages; i++) {
        size_t rows = 0, needed;
        for (size_t u = 0; u < batch->count; u++) {
            size_t frames = batch->lengths[u];
            for (size_t k = 0; k < i; k++)
                frames = stage_out_frames(&net->stages[k], frames);
            if (__builtin_add_overflow(rows, frames, &rows))
                return false;
        }
        if (__builtin_mul_overflow(rows, net->stages[i].in_width, &needed) ||
            needed > SIZE_MAX / sizeof(float))
            return false;
        *floats = needed > *floats ? needed : *floats;
    }
    return true;
}

enum asr_status network_reserve(struct network_work *work, const struct network *net,
                                const struct batch *batch, struct asr_error *err)
{
    size_t floats;

    assert(work->net == net);
    if (batch->count > work->max_batch)
        return asr_fail(err, ASR_ERR_LIMIT, "a batch of %zu utterances is over the limit of %zu",
                        batch->count, work->max_batch);
    if (!largest_rows(net, batch, &floats))
        return asr_fail(err, ASR_ERR_LIMIT, "network: the batch's size overflows");
    if (floats <= work->capacity)
        return ASR_OK;
    work->capacity = 0;
    for (size_t k = 0; k < 2; k++) {
        /* What is in there is not needed again, so there is nothing for realloc() to keep. */
        free(work->rows[k]);
        work->rows[k] = malloc(floats * sizeof(float));
    }
    if (!work->rows[0] || !work->rows[1])
        return asr_fail(err, ASR_ERR_NOMEM, "network: out of memory for %zu frames",
                        batch_rows(batch));
    work->capacity = floats;
    return ASR_OK;
}

void network_forward(const struct network *net, struct network_work *work,
                     const struct batch *batch, const float *features, float *logits)
{
    struct batch now = {batch->count, batch->lengths};
    size_t from = 0;

    assert(batch->count <= work->max_batch);
    normalise_forward(net->normalise, work->mean, batch, features, work->rows[from]);
    for (size_t i = 0; i < net->n_stages; i++) {
        const struct stage *s = &net->stages[i];
        float *y = i + 1 < net->n_stages ? work->rows[!from] : logits;
        s->type->forward(s->layer, work->layer_work[i], &now, work->rows[from], y);
        for (size_t u = 0; u < batch->count; u++)
            work->lengths[!from][u] = stage_out_frames(s, now.lengths[u]);
        from = !from;
        now.lengths = work->lengths[from];
    }
}
