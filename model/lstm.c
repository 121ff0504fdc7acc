/* lstm.c - {"type": "lstm", "weights": NAME, "index": L, "hidden": H, "bidirectional": B}:
 * PyTorch's nn.LSTM, one layer of it.
 *
 *   i, f, g, o = W_ih x + b_ih + W_hh h + b_hh     (this order of gates, each [H])
 *   c = sigmoid(f) c + sigmoid(i) tanh(g)
 *   h = sigmoid(o) tanh(c)
 *
 * The reverse direction is the same with time running backwards from each utterance's own last
 * frame. The output row is h forward, then h backward.
 *
 * Only W_hh h must wait for the step before it. The input half of the gates goes through one
 * product for many steps at once. For all of them would want gates for the whole batch (an hour of
 * audio: 120,000 rows x 1280, 600 MB); a block of BLOCK_ROWS rows does as well. Microseconds a row,
 * 640 -> 1280, Haswell kernels on an AMD EPYC (family 26):
 *   rows    16     32     64    128    256    512   1024
 *         21.0   17.0   14.8   13.9   13.3   13.2   13.2
 *
 * Inside a block rows lie step by step, and within a step the utterances still running, longest
 * first. Hence a step is one product over contiguous rows without padding, and an utterance that
 * ends just drops off the end of h and c. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/gemm.h"
#include "model/json_fields.h"
#include "model/layer.h"

enum { BLOCK_ROWS = 256, MAX_DIRECTIONS = 2, GATES = 4 };

/* Weights of one direction. */
struct direction {
    float *w_ih; /* [4H, X] */
    float *w_hh; /* [4H, H] */
    float *bias; /* [4H], b_ih + b_hh: every gate has both inside the same sum */
};

struct layer {
    size_t in_width, hidden, directions;
    struct direction dir[MAX_DIRECTIONS];
};

struct layer_work {
    size_t block_rows;
    float *x;         /* [block_rows, X], gathered */
    float *gates;     /* [block_rows, 4H] */
    float *h, *c;     /* [max_batch, H], in the order of `runs` */
    struct run *runs; /* [max_batch], longest first */
};

/* An utterance as one pass over the batch sees it. */
struct run {
    size_t first_row, frames;
};

static void lstm_free(struct layer *layer)
{
    if (!layer)
        return;
    for (size_t d = 0; d < MAX_DIRECTIONS; d++) {
        free(layer->dir[d].w_ih);
        free(layer->dir[d].w_hh);
        free(layer->dir[d].bias);
    }
    free(layer);
}

/* Binds one direction; `suffix` is "_l0", "_l0_reverse", ... */
static enum asr_status bind_direction(struct layer *layer, struct direction *d,
                                      const struct safetensors *tensors, const char *weights,
                                      const char *suffix, struct asr_error *err)
{
    size_t gates = GATES * layer->hidden;
    float *bias_hh = NULL;
    const struct {
        const char *leaf;
        size_t rank, columns;
        float **slot;
    } want[] = {{"weight_ih", 2, layer->in_width, &d->w_ih},
                {"weight_hh", 2, layer->hidden, &d->w_hh},
                {"bias_ih", 1, 0, &d->bias},
                {"bias_hh", 1, 0, &bias_hh}};
    enum asr_status st = ASR_OK;

    for (size_t i = 0; st == ASR_OK && i < COUNT(want); i++) {
        char name[LAYER_MAX_TENSOR_NAME];
        snprintf(name, sizeof(name), "%s.%s%s", weights, want[i].leaf, suffix);
        st = safetensors_load_f32(tensors, name, want[i].rank,
                                  (const size_t[]){gates, want[i].columns}, want[i].slot, err);
    }
    for (size_t j = 0; st == ASR_OK && j < gates; j++)
        d->bias[j] += bias_hh[j];
    free(bias_hh);
    return st;
}

struct spec {
    const char *weights;
    size_t index, hidden;
    bool bidirectional;
};

static enum asr_status read_spec(struct spec *out, const json_t *spec, const char *path,
                                 struct asr_error *err)
{
    struct json_fields f;
    const char *type;
    enum asr_status st = json_fields_open(&f, spec, path, err);

    if (st == ASR_OK)
        st = json_fields_string(&f, "type", &type, err);
    if (st == ASR_OK)
        st = json_fields_string(&f, "weights", &out->weights, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "index", 0, 1000, &out->index, err);
    if (st == ASR_OK)
        st = json_fields_size(&f, "hidden", 1, LAYER_MAX_WIDTH / GATES, &out->hidden, err);
    if (st == ASR_OK)
        st = json_fields_bool(&f, "bidirectional", &out->bidirectional, err);
    if (st == ASR_OK)
        st = json_fields_done(&f, err);
    /* "weight_ih_l1000_reverse" must fit behind it. */
    if (st == ASR_OK && strlen(out->weights) > LAYER_MAX_TENSOR_NAME - 32)
        st = asr_fail(err, ASR_ERR_FORMAT, "%s.weights: the name is too long", path);
    return st;
}

static enum asr_status lstm_load(struct layer **out, const json_t *spec, const char *path,
                                 const struct safetensors *tensors, size_t in_width,
                                 struct asr_error *err)
{
    struct spec s;
    struct asr_error why;
    enum asr_status st = read_spec(&s, spec, path, err);

    *out = NULL;
    if (st != ASR_OK)
        return st;
    struct layer *layer = calloc(1, sizeof(*layer));
    if (!layer)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
    layer->in_width = in_width;
    layer->hidden = s.hidden;
    layer->directions = s.bidirectional ? 2 : 1;
    for (size_t d = 0; st == ASR_OK && d < layer->directions; d++) {
        char suffix[24];
        snprintf(suffix, sizeof(suffix), "_l%zu%s", s.index, d ? "_reverse" : "");
        st = bind_direction(layer, &layer->dir[d], tensors, s.weights, suffix, &why);
    }
    if (st != ASR_OK) {
        lstm_free(layer);
        return asr_fail(err, st, "%s, given %zu values a frame: %s", path, in_width, why.text);
    }
    *out = layer;
    return ASR_OK;
}

static size_t lstm_out_width(const struct layer *layer)
{
    return layer->directions * layer->hidden;
}

static size_t lstm_parameters(const struct layer *layer)
{
    return layer->directions * GATES * layer->hidden * (layer->in_width + layer->hidden + 2);
}

static void lstm_work_free(struct layer_work *work)
{
    if (!work)
        return;
    free(work->x);
    free(work->gates);
    free(work->h);
    free(work->c);
    free(work->runs);
    free(work);
}

static enum asr_status lstm_work_new(struct layer_work **out, const struct layer *layer,
                                     size_t max_batch, struct asr_error *err)
{
    struct layer_work *w = calloc(1, sizeof(*w));

    *out = NULL;
    if (w) {
        /* A step of the whole batch must fit. */
        w->block_rows = max_batch > BLOCK_ROWS ? max_batch : BLOCK_ROWS;
        w->x = calloc(w->block_rows, layer->in_width * sizeof(*w->x));
        w->gates = calloc(w->block_rows, GATES * layer->hidden * sizeof(*w->gates));
        w->h = calloc(max_batch, layer->hidden * sizeof(*w->h));
        w->c = calloc(max_batch, layer->hidden * sizeof(*w->c));
        w->runs = calloc(max_batch, sizeof(*w->runs));
    }
    if (!w || !w->x || !w->gates || !w->h || !w->c || !w->runs) {
        lstm_work_free(w);
        return asr_fail(err, ASR_ERR_NOMEM, "lstm: out of memory for batches of %zu", max_batch);
    }
    *out = w;
    return ASR_OK;
}

/* By insertion: batches are small, and equal lengths keep their order. */
static void sort_runs(struct run *runs, const struct batch *batch)
{
    size_t first_row = 0;

    for (size_t u = 0; u < batch->count; u++) {
        struct run run = {first_row, batch->lengths[u]};
        size_t k = u;
        for (; k > 0 && runs[k - 1].frames < run.frames; k--)
            runs[k] = runs[k - 1];
        runs[k] = run;
        first_row += run.frames;
    }
}

/* How many of the `active` longest utterances have a frame at `step`. */
static size_t still_running(const struct run *runs, size_t active, size_t step)
{
    while (active > 0 && runs[active - 1].frames <= step)
        active--;
    return active;
}

/* The row of the batch that an utterance reads and writes at `step`. */
static size_t row_at(const struct run *run, size_t step, bool reverse)
{
    return run->first_row + (reverse ? run->frames - 1 - step : step);
}

/* Gates of as many steps as fit a block, from `step` on, as far as they depend on the input.
 * Returns the step after the last. */
static size_t project_block(const struct layer *layer, struct layer_work *work,
                            const struct direction *d, bool reverse, size_t active, size_t step,
                            const float *x)
{
    size_t rows = 0, width = layer->in_width, gates = GATES * layer->hidden;

    for (;;) {
        active = still_running(work->runs, active, step);
        if (active == 0 || rows + active > work->block_rows)
            break;
        for (size_t k = 0; k < active; k++, rows++) {
            memcpy(work->x + rows * width, x + row_at(&work->runs[k], step, reverse) * width,
                   width * sizeof(*x));
            memcpy(work->gates + rows * gates, d->bias, gates * sizeof(*d->bias));
        }
        step++;
    }
    gemm_add_xwt(work->gates, work->x, d->w_ih, rows, width, gates);
    return step;
}

static inline float sigmoid(float x)
{
    return 1.0F / (1.0F + expf(-x));
}

/* 2.0 ns where libm's tanhf() takes 9.1 (AMD EPYC, family 26), and never further than 2e-7 from it.
 * What it lacks, relative precision near 0, a sum of hundreds of products does not feel. An exp()
 * that overflows gives 1 and one that vanishes -1, as it should be. */
static inline float tanh_by_exp(float x)
{
    return 1.0F - 2.0F / (1.0F + expf(2.0F * x));
}

/* One utterance's step: gates[4H] and c[H] -> c[H], h[H]. */
static void cell(const float *gates, size_t hidden, float *restrict c, float *restrict h)
{
    const float *i = gates, *f = i + hidden, *g = f + hidden, *o = g + hidden;

    for (size_t j = 0; j < hidden; j++) {
        c[j] = sigmoid(f[j]) * c[j] + sigmoid(i[j]) * tanh_by_exp(g[j]);
        h[j] = sigmoid(o[j]) * tanh_by_exp(c[j]);
    }
}

static void run_direction(const struct layer *layer, struct layer_work *work, size_t count,
                          bool reverse, const float *x, float *y)
{
    const struct direction *d = &layer->dir[reverse];
    size_t hidden = layer->hidden, gates = GATES * hidden, out_width = lstm_out_width(layer);
    size_t active = still_running(work->runs, count, 0), step = 0;

    memset(work->h, 0, active * hidden * sizeof(*work->h));
    memset(work->c, 0, active * hidden * sizeof(*work->c));
    while (active > 0) {
        size_t end = project_block(layer, work, d, reverse, active, step, x);
        float *gate = work->gates;
        for (; step < end; step++) {
            active = still_running(work->runs, active, step);
            gemm_add_xwt(gate, work->h, d->w_hh, active, hidden, gates);
            for (size_t k = 0; k < active; k++, gate += gates) {
                float *h = work->h + k * hidden;
                cell(gate, hidden, work->c + k * hidden, h);
                memcpy(y + row_at(&work->runs[k], step, reverse) * out_width +
                           (reverse ? hidden : 0),
                       h, hidden * sizeof(*h));
            }
        }
        active = still_running(work->runs, active, step);
    }
}

static void lstm_forward(const struct layer *layer, struct layer_work *work,
                         const struct batch *batch, const float *x, float *y)
{
    sort_runs(work->runs, batch);
    run_direction(layer, work, batch->count, false, x, y);
    if (layer->directions == 2)
        run_direction(layer, work, batch->count, true, x, y);
}

const struct layer_type layer_lstm = {
    .name = "lstm",
    .load = lstm_load,
    .free = lstm_free,
    .out_width = lstm_out_width,
    .parameters = lstm_parameters,
    .work_new = lstm_work_new,
    .work_free = lstm_work_free,
    .forward = lstm_forward,
};
