/* Layers against outside witnesses: tests/data/layers, written by tests/data/layer_golden.py. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/layer.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { MAX_UTTERANCES = 8 };

static const struct layer_case {
    const char *file;
    const struct layer_type *type;
    const char *spec;
} cases[] = {
    {"lstm_uni_f32", &layer_lstm,
     "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':false}"},
    {"lstm_bi_f16", &layer_lstm,
     "{'type':'lstm','weights':'rnn','index':2,'hidden':3,'bidirectional':true}"},
    {"lstm_bi_bf16_blocks", &layer_lstm,
     "{'type':'lstm','weights':'rnn','index':0,'hidden':5,'bidirectional':true}"},
    {"lstm_bi_one_utterance", &layer_lstm,
     "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':true}"},
    {"linear_bf16", &layer_linear, "{'type':'linear','weights':'head'}"},
    {"linear_f32", &layer_linear, "{'type':'linear','weights':'head'}"},
    {"stack_3_3", &layer_stack, "{'type':'stack','frames':3,'stride':3}"},
    {"stack_4_2", &layer_stack, "{'type':'stack','frames':4,'stride':2}"},
    {"stack_2_5", &layer_stack, "{'type':'stack','frames':2,'stride':5}"},
};

/* A case with its file read: the witness's input and output, and the layer. */
struct fixture {
    struct safetensors *file;
    struct layer *layer;
    struct layer_work *work;
    const struct layer_type *type;
    const struct kernel *kernel;
    size_t lengths[MAX_UTTERANCES];
    struct batch batch;
    size_t in_width, out_rows, out_width;
    float *x, *want;
};

/* JSON with ' for ", so that it can be read in C. */
static json_t *parse(const char *quoted)
{
    char text[512];
    snprintf(text, sizeof(text), "%s", quoted);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *value = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(value);
    return value;
}

static float *load(const struct safetensors *file, const char *name, size_t rank, size_t *shape)
{
    float *values;
    ck_assert_int_eq(safetensors_shape(file, name, rank, shape, NULL), ASR_OK);
    ck_assert_int_eq(safetensors_load_f32(file, name, rank, shape, &values, NULL), ASR_OK);
    return values;
}

static void open_fixture(struct fixture *f, const struct layer_case *c)
{
    char path[128];
    struct asr_error err = {ASR_OK, ""};
    size_t shape[2], count;

    memset(f, 0, sizeof(*f));
    snprintf(path, sizeof(path), "tests/data/layers/%s.safetensors", c->file);
    ck_assert_msg(safetensors_open(&f->file, path, &err) == ASR_OK, "%s", err.text);
    float *lengths = load(f->file, "lengths", 1, &count);
    ck_assert_uint_le(count, MAX_UTTERANCES);
    for (size_t u = 0; u < count; u++)
        f->lengths[u] = (size_t)lengths[u];
    free(lengths);
    f->batch = (struct batch){count, f->lengths};
    f->x = load(f->file, "x", 2, shape);
    ck_assert_uint_eq(shape[0], batch_rows(&f->batch));
    f->in_width = shape[1];
    f->want = load(f->file, "y", 2, shape);
    f->out_rows = shape[0];
    f->out_width = shape[1];

    json_t *spec = parse(c->spec);
    f->type = c->type;
    ck_assert_int_eq(kernel_choose(&f->kernel, PRECISION_F32, 0, "", NULL), ASR_OK);
    enum asr_status st =
        f->type->load(&f->layer, spec, "layers[0]", f->file, f->kernel, f->in_width, &err);
    ck_assert_msg(st == ASR_OK, "%s", err.text);
    json_decref(spec);
    ck_assert_uint_eq(f->type->out_width(f->layer), f->out_width);
    if (f->type->work_new)
        ck_assert_int_eq(f->type->work_new(&f->work, f->layer, count, NULL), ASR_OK);
}

static void close_fixture(struct fixture *f)
{
    if (f->work)
        f->type->work_free(f->work);
    f->type->free(f->layer);
    safetensors_close(f->file);
    free(f->x);
    free(f->want);
}

static size_t out_frames(const struct fixture *f, size_t frames)
{
    return f->type->out_frames ? f->type->out_frames(f->layer, frames) : frames;
}

static void assert_rows_equal(const float *have, const float *want, size_t count)
{
    for (size_t k = 0; k < count; k++)
        ck_assert_float_eq_tol(have[k], want[k], 5e-6F);
}

START_TEST(a_ragged_batch_matches_the_witness)
    {
        struct fixture f;
        size_t rows = 0;
        open_fixture(&f, &cases[_i]);
        for (size_t u = 0; u < f.batch.count; u++)
            rows += out_frames(&f, f.lengths[u]);
        ck_assert_uint_eq(rows, f.out_rows);

        float *y = malloc((rows * f.out_width + 1) * sizeof(*y));
        y[rows * f.out_width] = 42;
        f.type->forward(f.layer, f.work, &f.batch, f.x, y);
        assert_rows_equal(y, f.want, rows * f.out_width);
        ck_assert_float_eq(y[rows * f.out_width], 42);
        free(y);
        close_fixture(&f);
    }
END_TEST

START_TEST(one_by_one_matches_the_witness)
    {
        struct fixture f;
        open_fixture(&f, &cases[_i]);
        const float *x = f.x, *want = f.want;
        float *y = malloc((f.out_rows * f.out_width + 1) * sizeof(*y));
        for (size_t u = 0; u < f.batch.count; u++) {
            struct batch one = {1, &f.lengths[u]};
            size_t values = out_frames(&f, f.lengths[u]) * f.out_width;
            f.type->forward(f.layer, f.work, &one, x, y);
            assert_rows_equal(y, want, values);
            x += f.lengths[u] * f.in_width;
            want += values;
        }
        ck_assert_ptr_eq(want, f.want + f.out_rows * f.out_width);
        free(y);
        close_fixture(&f);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct fixture f;
        struct layer *layer;
        struct layer_work *work = NULL;
        enum asr_status st;
        struct asr_error err;
        long nth = 0;

        open_fixture(&f, &cases[_i]);
        json_t *spec = parse(cases[_i].spec);
        do {
            fail_alloc(nth++);
            st = f.type->load(&layer, spec, "layers[0]", f.file, f.kernel, f.in_width, &err);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (layer != NULL));
            if (layer)
                f.type->free(layer);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 2);
        nth = 0;
        if (f.type->work_new) {
            do {
                fail_alloc(nth++);
                st = f.type->work_new(&work, f.layer, 3, &err);
                fail_alloc(-1);
                ck_assert((st == ASR_OK) == (work != NULL));
                if (work)
                    f.type->work_free(work);
            } while (st == ASR_ERR_NOMEM);
            ck_assert_int_eq(st, ASR_OK);
            /* The lstm's: itself, gates, h, c, runs, two times rows; or the linear's: itself, x, y.
             */
            ck_assert_int_eq(nth, f.type == &layer_lstm ? 10 : 4);
        }
        json_decref(spec);
        close_fixture(&f);
    }
END_TEST

static const struct {
    size_t which; /* of cases[], for its tensors */
    const char *spec;
    size_t in_width;
    const char *says;
} bad_specs[] = {
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4}", 5,
     "layers[1].bidirectional: missing"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':'4','bidirectional':false}", 5,
     "layers[1].hidden: expected an integer from 1 to 16384, got a string"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4.0,'bidirectional':false}", 5,
     "layers[1].hidden: expected an integer from 1 to 16384, got a fraction"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':0,'bidirectional':false}", 5,
     "layers[1].hidden: expected an integer from 1 to 16384, got 0"},
    {0, "{'type':'lstm','weights':'rnn','index':-1,'hidden':4,'bidirectional':false}", 5,
     "layers[1].index: expected an integer from 0 to 1000, got -1"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':0}", 5,
     "layers[1].bidirectional: expected true or false, got an integer"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':false,'proj':2}", 5,
     "layers[1].proj: unknown key"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':false}", 6,
     "layers[1], given 6 values a frame: tests/data/layers/lstm_uni_f32.safetensors: tensor "
     "'rnn.weight_ih_l0' has shape [16, 5], expected [16, 6]"},
    {0, "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':true}", 5,
     "tensor 'rnn.weight_ih_l0_reverse' is missing"},
    {0, "{'type':'lstm','weights':'rnn','index':1,'hidden':4,'bidirectional':false}", 5,
     "tensor 'rnn.weight_ih_l1' is missing"},
    {4, "{'type':'linear','weights':'head'}", 8, "'head.weight' has shape [5, 7], expected [5, 8]"},
    {4, "{'type':'linear','weights':'tail'}", 7, "tensor 'tail.bias' is missing"},
    {4, "{'type':'linear','weights':3}", 7, "layers[1].weights: expected a string, got an integer"},
    {4, "{'type':'linear','weights':'head','bias':true}", 7, "layers[1].bias: unknown key"},
    {6, "{'type':'stack','frames':0,'stride':3}", 4,
     "layers[1].frames: expected an integer from 1 to 16384, got 0"},
    {6, "{'type':'stack','frames':16385,'stride':3}", 4,
     "layers[1].frames: expected an integer from 1 to 16384, got 16385"},
    {6, "{'type':'stack','frames':3,'stride':0}", 4,
     "layers[1].stride: expected an integer from 1 to 65536, got 0"},
    {6, "{'type':'stack','frames':3}", 4, "layers[1].stride: missing"},
    {6, "{'type':'stack','frames':3,'stride':3,'pad':1}", 4, "layers[1].pad: unknown key"},
};

START_TEST(a_spec_that_cannot_be_is_refused_by_name)
    {
        struct fixture f;
        struct layer *layer;
        struct asr_error err = {ASR_OK, ""};
        open_fixture(&f, &cases[bad_specs[_i].which]);
        json_t *spec = parse(bad_specs[_i].spec);
        ck_assert_int_eq(
            f.type->load(&layer, spec, "layers[1]", f.file, f.kernel, bad_specs[_i].in_width, &err),
            ASR_ERR_FORMAT);
        ck_assert_ptr_null(layer);
        ck_assert_msg(strstr(err.text, bad_specs[_i].says) != NULL, "%s", err.text);
        json_decref(spec);
        close_fixture(&f);
    }
END_TEST

START_TEST(names_too_long_for_a_tensor_are_refused)
    {
        struct fixture f;
        struct layer *layer;
        char name[400];
        memset(name, 'n', sizeof(name));
        const struct layer_type *types[] = {&layer_linear, &layer_lstm};
        open_fixture(&f, &cases[0]);
        for (size_t i = 0; i < COUNT(types); i++) {
            struct asr_error err = {ASR_OK, ""};
            json_t *spec = parse("{'index':0,'hidden':4,'bidirectional':false}");
            if (i == 0)
                json_object_clear(spec);
            json_object_set_new(spec, "type", json_string(types[i]->name));
            json_object_set_new(spec, "weights", json_stringn(name, sizeof(name)));
            ck_assert_int_eq(types[i]->load(&layer, spec, "layers[0]", f.file, f.kernel, 5, &err),
                             ASR_ERR_FORMAT);
            ck_assert_msg(strstr(err.text, "too long") != NULL, "%s", err.text);
            json_decref(spec);
        }
        close_fixture(&f);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("layers");
    TCase *tc = tcase_create("layers");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_ragged_batch_matches_the_witness, 0, COUNT(cases));
    tcase_add_loop_test(tc, one_by_one_matches_the_witness, 0, COUNT(cases));
    tcase_add_loop_test(tc, every_allocation_may_fail, 0, COUNT(cases));
    tcase_add_loop_test(tc, a_spec_that_cannot_be_is_refused_by_name, 0, COUNT(bad_specs));
    tcase_add_test(tc, names_too_long_for_a_tensor_are_refused);
    suite_add_tcase(s, tc);
    return s;
}
