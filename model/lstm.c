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
 * audio: 120,000 rows x 1280, 600 MB); a block of BLOCK_ROWS rows does as well, and stays in cache.
 *
 * Inside a block rows lie step by step, and within a step the utterances still running, longest
 * first. Hence a step is one product over contiguous rows without padding, and an utterance that
 * ends just drops off the end of h and c. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/json_fields.h"
#include "model/kernels/kernel.h"
#include "model/layer.h"

enum { BLOCK_ROWS = 256, MAX_DIRECTIONS = 2, GATES = KERNEL_GATES };

/* Weights of one direction. */
struct direction {
    struct packed w_ih; /* [4H, X] */
    struct packed w_hh; /* [4H, H] */
    float *bias;        /* b_ih + b_hh: every gate has both inside the same sum */
};

struct layer {
    const struct kernel *kernel;
    size_t in_width, hidden, directions;
    size_t gate_floats, unit_floats; /* of a row of gates, and of h or c, padding included */
    struct direction dir[MAX_DIRECTIONS];
};

struct layer_work {
    const struct kernel *kernel;
    size_t block_rows;
    struct rows x;        /* [block_rows], gathered */
    float *gates;         /* [block_rows, gate_floats] */
    struct rows h_before; /* [max_batch], in the order of `runs` */
    float *h, *c;         /* [max_batch, unit_floats], likewise */
    struct run *runs;     /* [max_batch], longest first */
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
        packed_free(&layer->dir[d].w_ih);
        packed_free(&layer->dir[d].w_hh);
        free(layer->dir[d].bias);
    }
    free(layer);
}

/* One direction's tensors as the file has them. */
struct tensors {
    float *w_ih, *w_hh, *bias_ih, *bias_hh;
};

static void free_tensors(struct tensors *t)
{
    free(t->w_ih);
    free(t->w_hh);
    free(t->bias_ih);
    free(t->bias_hh);
}

/* `suffix` is "_l0", "_l0_reverse", ... */
static enum asr_status read_tensors(struct tensors *out, const struct layer *layer,
                                    const struct safetensors *file, const char *weights,
                                    const char *suffix, struct asr_error *err)
{
    const struct {
        const char *leaf;
        size_t rank, columns;
        float **slot;
    } want[] = {{"weight_ih", 2, layer->in_width, &out->w_ih},
                {"weight_hh", 2, layer->hidden, &out->w_hh},
                {"bias_ih", 1, 0, &out->bias_ih},
                {"bias_hh", 1, 0, &out->bias_hh}};
    size_t gates = GATES * layer->hidden;
    enum asr_status st = ASR_OK;

    for (size_t i = 0; st == ASR_OK && i < COUNT(want); i++) {
        char name[LAYER_MAX_TENSOR_NAME];
        snprintf(name, sizeof(name), "%s.%s%s", weights, want[i].leaf, suffix);
        st = safetensors_load_f32(file, name, want[i].rank,
                                  (const size_t[]){gates, want[i].columns}, want[i].slot, err);
    }
    for (size_t j = 0; st == ASR_OK && j < gates; j++)
        out->bias_ih[j] += out->bias_hh[j];
    return st;
}

static enum asr_status bind_direction(struct layer *layer, struct direction *d,
                                      const struct safetensors *file, const char *weights,
                                      const char *suffix, struct asr_error *err)
{
    const struct kernel *kernel = layer->kernel;
    struct tensors t = {0};
    enum asr_status st = read_tensors(&t, layer, file, weights, suffix, err);

    if (st == ASR_OK)
        st = packed_new(&d->w_ih, kernel, t.w_ih, layer->hidden, layer->in_width, err);
    if (st == ASR_OK)
        st = packed_new(&d->w_hh, kernel, t.w_hh, layer->hidden, layer->hidden, err);
    if (st == ASR_OK)
        st = packed_bias_new(&d->bias, kernel, t.bias_ih, layer->hidden, err);
    free_tensors(&t);
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
                                 const struct safetensors *tensors, const struct kernel *kernel,
                                 size_t in_width, struct asr_error *err)
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
    layer->kernel = kernel;
    layer->in_width = in_width;
    layer->hidden = s.hidden;
    layer->unit_floats = kernel_panels(kernel, s.hidden) * kernel->lanes;
    layer->gate_floats = GATES * layer->unit_floats;
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
    rows_free(&work->x);
    rows_free(&work->h_before);
    free(work->gates);
    free(work->h);
    free(work->c);
    free(work->runs);
    free(work);
}

static enum asr_status lstm_work_new(struct layer_work **out, const struct layer *layer,
                                     size_t max_batch, struct asr_error *err)
{
    const struct direction *d = &layer->dir[0];
    struct layer_work *w = calloc(1, sizeof(*w));
    enum asr_status st = ASR_ERR_NOMEM;

    *out = NULL;
    if (w) {
        w->kernel = layer->kernel;
        /* A step of the whole batch must fit. */
        w->block_rows = max_batch > BLOCK_ROWS ? max_batch : BLOCK_ROWS;
        w->gates = kernel_alloc(w->block_rows, layer->gate_floats * sizeof(*w->gates));
        w->h = kernel_alloc(max_batch, layer->unit_floats * sizeof(*w->h));
        w->c = kernel_alloc(max_batch, layer->unit_floats * sizeof(*w->c));
        w->runs = calloc(max_batch, sizeof(*w->runs));
        st = rows_new(&w->x, layer->kernel, &d->w_ih, w->block_rows, err);
        if (st == ASR_OK)
            st = rows_new(&w->h_before, layer->kernel, &d->w_hh, max_batch, err);
    }
    if (st != ASR_OK || !w->gates || !w->h || !w->c || !w->runs) {
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
    size_t rows = 0, width = layer->in_width;

    for (;;) {
        active = still_running(work->runs, active, step);
        if (active == 0 || rows + active > work->block_rows)
            break;
        for (size_t k = 0; k < active; k++, rows++)
            rows_set(&work->x, layer->kernel, rows,
                     x + row_at(&work->runs[k], step, reverse) * width, width);
        step++;
    }
    layer->kernel->project(&d->w_ih, &work->x, rows, d->bias, work->gates);
    return step;
}

/* Every utterance starts from nothing. */
static void forget(const struct layer *layer, struct layer_work *work, size_t count)
{
    size_t floats = count * layer->unit_floats;

    memset(work->h, 0, floats * sizeof(*work->h));
    memset(work->c, 0, floats * sizeof(*work->c));
    for (size_t k = 0; k < count; k++)
        rows_set(&work->h_before, layer->kernel, k, work->h, layer->hidden);
}

static void run_direction(const struct layer *layer, struct layer_work *work, size_t count,
                          bool reverse, const float *x, float *y)
{
    const struct direction *d = &layer->dir[reverse];
    size_t hidden = layer->hidden, out_width = lstm_out_width(layer);
    size_t active = still_running(work->runs, count, 0), step = 0;

    forget(layer, work, active);
    y += reverse ? hidden : 0;
    while (active > 0) {
        size_t end = project_block(layer, work, d, reverse, active, step, x);
        const float *gates = work->gates;
        for (; step < end; step++, gates += active * layer->gate_floats) {
            active = still_running(work->runs, active, step);
            layer->kernel->lstm_step(&d->w_hh, &work->h_before, active, step % 2 == 1, gates,
                                     work->c, work->h);
            for (size_t k = 0; k < active; k++) {
                const float *h = work->h + k * layer->unit_floats;
                rows_set(&work->h_before, layer->kernel, k, h, hidden);
                memcpy(y + row_at(&work->runs[k], step, reverse) * out_width, h,
                       hidden * sizeof(*h));
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
