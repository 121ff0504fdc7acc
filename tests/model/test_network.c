/* The whole network: the shipped model against logits of an independent float64 program
 * (tests/data/README.md), and what a load refuses. */
#include "model/network.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/gemm.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const char *const recordings[] = {
    "phone8k.61-70968-0025.wav", "read16k.4077-13751-0001.flac", "read16k.61-70968-0025.flac"};

static struct network *shipped;

static struct network *load(const struct kernel *kernel)
{
    struct asr_error err = {ASR_OK, ""};
    struct model_config *config;
    struct safetensors *tensors;
    struct network *net;
    ck_assert_msg(model_config_load(&config, "model/en/config.json", &err) == ASR_OK, "%s",
                  err.text);
    ck_assert_msg(safetensors_open(&tensors, "model/en/model.safetensors", &err) == ASR_OK, "%s",
                  err.text);
    ck_assert_msg(network_load(&net, config, tensors, kernel, &err) == ASR_OK, "%s", err.text);
    safetensors_close(tensors); /* the network must borrow nothing */
    model_config_free(config);
    return net;
}

static const struct kernel *f32_kernel(void)
{
    const struct kernel *kernel;
    ck_assert_int_eq(kernel_choose(&kernel, PRECISION_F32, 0, "", NULL), ASR_OK);
    return kernel;
}

static void load_shipped(void)
{
    shipped = load(f32_kernel());
}

/* For loop tests: the shipped network with kernels[i]; false if this machine has not got it. */
static bool load_with(int i)
{
    if (!kernels[i]->usable())
        return false;
    network_free(shipped);
    shipped = load(kernels[i]);
    return true;
}

static void free_shipped(void)
{
    network_free(shipped);
}

static struct npy golden(const char *recording, const char *kind)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/data/golden/%s.%s.npy", recording, kind);
    return npy_read(path);
}

static struct network_work *new_work(size_t max_batch)
{
    struct network_work *work;
    ck_assert_int_eq(network_work_new(&work, shipped, max_batch, NULL), ASR_OK);
    return work;
}

/* features of the batch -> logits; free(). */
static float *forward(struct network_work *work, const struct batch *batch, const float *features)
{
    size_t rows = 0;
    for (size_t u = 0; u < batch->count; u++)
        rows += network_out_frames(shipped, batch->lengths[u]);
    float *logits = malloc((rows * network_out_width(shipped) + 1) * sizeof(*logits));
    ck_assert_int_eq(network_reserve(work, shipped, batch, NULL), ASR_OK);
    network_forward(shipped, work, batch, features, logits);
    return logits;
}

static float max_difference(const float *a, const float *b, size_t count)
{
    float worst = 0;
    for (size_t k = 0; k < count; k++) {
        ck_assert(isfinite(a[k]));
        worst = fmaxf(worst, fabsf(a[k] - b[k]));
    }
    return worst;
}

START_TEST(the_shipped_model_has_the_shape_of_its_config)
    {
        ck_assert_uint_eq(network_in_width(shipped), 80);
        ck_assert_uint_eq(network_out_width(shipped), 29);
        ck_assert_uint_eq(network_stride(shipped), 3);
        ck_assert_uint_eq(network_out_frames(shipped, 11), 3);
        ck_assert_uint_eq(network_out_frames(shipped, 2), 0);
        /* 2 x 1280 x (240 + 320 + 2), 3 times 2 x 1280 x (640 + 320 + 2), 29 x 641 */
        ck_assert_uint_eq(network_parameters(shipped), 8845469);
    }
END_TEST

START_TEST(logits_match_the_independent_program)
    {
        struct npy features = golden(recordings[_i], "features");
        struct npy want = golden(recordings[_i], "logits");
        struct network_work *work = new_work(1);
        struct batch batch = {1, &features.rows};

        ck_assert_uint_eq(network_out_frames(shipped, features.rows), want.rows);
        ck_assert_uint_eq(network_out_width(shipped), want.cols);
        float *logits = forward(work, &batch, features.values);
        ck_assert_float_le(max_difference(logits, want.values, want.rows * want.cols), 1e-3F);
        free(logits);
        network_work_free(work);
        free(features.values);
        free(want.values);
    }
END_TEST

/* Largest differences from the float64 program's logits, which span some 40. Measured on these
 * recordings: f32 1.1e-5, bf16 0.07, int8 0.26. What precision costs in errors,
 * tests/bench/precision.sh says. */
static const float tolerances[] = {
    [PRECISION_F32] = 1e-4F, [PRECISION_BF16] = 0.15F, [PRECISION_INT8] = 0.5F};

/* The three recordings between utterances of no frame, and too few for one frame out. */
START_TEST(with_every_kernel_company_changes_no_bit)
    {
        struct npy features[3], want[3];
        size_t lengths[6] = {0, 0, 2, 0, 0, 0}, place[3] = {1, 3, 4}, rows = 2;

        if (!load_with(_i))
            return;
        struct network_work *work = new_work(6);
        for (size_t i = 0; i < 3; i++) {
            features[i] = golden(recordings[i], "features");
            want[i] = golden(recordings[i], "logits");
            lengths[place[i]] = features[i].rows;
            rows += features[i].rows;
        }
        struct batch batch = {6, lengths};
        float *packed = calloc(rows, 80 * sizeof(*packed)), *end = packed;
        for (size_t i = 0; i < 3; i++) {
            if (i == 1)
                end += 2 * 80;
            memcpy(end, features[i].values, features[i].rows * 80 * sizeof(*end));
            end += features[i].rows * 80;
        }
        float *together = forward(work, &batch, packed), *part = together;
        for (size_t i = 0; i < 3; i++) {
            struct batch one = {1, &features[i].rows};
            float *alone = forward(work, &one, features[i].values);
            size_t count = want[i].rows * want[i].cols;
            ck_assert_float_le(max_difference(part, want[i].values, count),
                               tolerances[kernels[_i]->precision]);
            ck_assert_msg(memcmp(part, alone, count * sizeof(*part)) == 0,
                          "%s: %s in a batch differs from itself alone", kernels[_i]->name,
                          recordings[i]);
            part += count;
            free(alone);
            free(features[i].values);
            free(want[i].values);
        }
        free(together);
        free(packed);
        network_work_free(work);
    }
END_TEST

START_TEST(a_batch_of_nothing_gives_nothing)
    {
        size_t lengths[2] = {0, 0};
        struct network_work *work = new_work(2);
        for (size_t count = 0; count <= 2; count++) {
            struct batch batch = {count, lengths};
            ck_assert_int_eq(network_reserve(work, shipped, &batch, NULL), ASR_OK);
            float nothing[1] = {7}, logits[1] = {7};
            network_forward(shipped, work, &batch, nothing, logits);
            ck_assert_float_eq(logits[0], 7);
        }
        network_work_free(work);
    }
END_TEST

struct speaker {
    pthread_t thread;
    const struct npy *features, *want;
    float worst;
};

/* Asserts of Check do not belong in other threads: failures show in `worst`. */
static void *speak(void *arg)
{
    struct speaker *s = arg;
    struct network_work *work = NULL;
    struct batch batch = {1, &s->features->rows};
    float *logits = calloc(s->want->rows, s->want->cols * sizeof(*logits));

    s->worst = INFINITY;
    if (logits && network_work_new(&work, shipped, 1, NULL) == ASR_OK &&
        network_reserve(work, shipped, &batch, NULL) == ASR_OK) {
        s->worst = 0;
        for (int again = 0; again < 2; again++) {
            network_forward(shipped, work, &batch, s->features->values, logits);
            for (size_t k = 0; k < s->want->rows * s->want->cols; k++)
                s->worst = fmaxf(s->worst, fabsf(logits[k] - s->want->values[k]));
        }
    }
    network_work_free(work);
    free(logits);
    return NULL;
}

START_TEST(one_model_serves_four_threads)
    {
        struct npy features[3], want[3];
        struct speaker speakers[4];
        for (size_t i = 0; i < 3; i++) {
            features[i] = golden(recordings[i], "features");
            want[i] = golden(recordings[i], "logits");
        }
        for (size_t i = 0; i < 4; i++) {
            speakers[i] = (struct speaker){.features = &features[i % 3], .want = &want[i % 3]};
            ck_assert_int_eq(pthread_create(&speakers[i].thread, NULL, speak, &speakers[i]), 0);
        }
        for (size_t i = 0; i < 4; i++)
            pthread_join(speakers[i].thread, NULL);
        for (size_t i = 0; i < 4; i++)
            ck_assert_float_le(speakers[i].worst, 1e-3F);
        for (size_t i = 0; i < 3; i++) {
            free(features[i].values);
            free(want[i].values);
        }
    }
END_TEST

START_TEST(a_batch_over_the_works_size_is_refused)
    {
        struct network_work *work = new_work(2);
        struct asr_error err = {ASR_OK, ""};
        size_t lengths[3] = {1, 2, 3};
        struct batch batch = {3, lengths};
        ck_assert_int_eq(network_reserve(work, shipped, &batch, &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(err.text, "a batch of 3 utterances is over the limit of 2");
        network_work_free(work);
    }
END_TEST

START_TEST(frames_that_overflow_are_refused)
    {
        static size_t lengths[][2] = {{SIZE_MAX, 2}, {SIZE_MAX / 80 + 1, 0}, {SIZE_MAX / 80, 0}};
        struct network_work *work = new_work(2);
        struct batch batch = {2, lengths[_i]};
        struct asr_error err = {ASR_OK, ""};
        ck_assert_int_eq(network_reserve(work, shipped, &batch, &err), ASR_ERR_LIMIT);
        /* ... and the work is as good as before. */
        struct batch small = {1, (const size_t[]){4}};
        ck_assert_int_eq(network_reserve(work, shipped, &small, &err), ASR_OK);
        network_work_free(work);
    }
END_TEST

/* A config over the tensors of tests/data/layers/lstm_uni_f32: X 5, H 4, so 4 tokens. */
static struct model_config *tiny_config(const char *normalisation, int bins, const char *layers,
                                        const char *tokens)
{
    static const char format[] =
        "{'format':'scribed-model','version':1,'name':'tiny','language':'en','licence':'none',"
        "'source':'test','features':{'type':'kaldi-fbank','sample_rate':16000,'sample_scale':1,"
        "'frame_length_ms':25,'frame_shift_ms':10,'num_mel_bins':%d,'low_freq':20,"
        "'high_freq':8000,'preemphasis':0.97,'window':'povey','remove_dc_offset':true,'dither':0,"
        "'fft_size':512,'snip_edges':true,'power':true,'log_floor':1e-7},'normalisation':{%s},"
        "'layers':[%s],'tokens':[%s],'blank':0,'word_separator':' '}";
    char text[2048];
    struct model_config *config;
    struct asr_error err = {ASR_OK, ""};
    int n = snprintf(text, sizeof(text), format, bins, normalisation, layers, tokens);
    for (int i = 0; i < n; i++)
        text[i] = text[i] == '\'' ? '"' : text[i];
    ck_assert_msg(model_config_parse(&config, text, (size_t)n, "tiny", &err) == ASR_OK, "%s",
                  err.text);
    return config;
}

#define TINY_LSTM "{'type':'lstm','weights':'rnn','index':0,'hidden':4,'bidirectional':false}"
#define TINY_TOKENS "'-',' ','a','b'"
#define NO_NORMALISATION "'mean':'none','std':'none'"

static struct safetensors *tiny_tensors(void)
{
    struct safetensors *tensors;
    ck_assert_int_eq(safetensors_open(&tensors, "tests/data/layers/lstm_uni_f32.safetensors", NULL),
                     ASR_OK);
    return tensors;
}

static const struct {
    const char *normalisation;
    int bins;
    const char *layers, *tokens;
    enum asr_status status;
    const char *says;
} bad_networks[] = {
    {NO_NORMALISATION, 5, TINY_LSTM, "'-',' ','a'", ASR_ERR_FORMAT,
     "layers[0] gives 4 values a frame, but tokens has 3 labels"},
    {NO_NORMALISATION, 6, TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "layers[0], given 6 values a frame: "},
    {NO_NORMALISATION, 5, TINY_LSTM "," TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "layers[1], given 4 values a frame: "},
    {NO_NORMALISATION, 5, TINY_LSTM "," TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "'rnn.weight_ih_l0' has shape [16, 5], expected [16, 4]"},
    {NO_NORMALISATION, 5, "{'type':'gru'}", TINY_TOKENS, ASR_ERR_UNSUPPORTED,
     "layers[0].type: 'gru' is not stack, lstm or linear"},
    {NO_NORMALISATION, 5, "{'type':7}", TINY_TOKENS, ASR_ERR_FORMAT,
     "layers[0].type: expected a string"},
    {NO_NORMALISATION, 5, "{}", TINY_TOKENS, ASR_ERR_FORMAT, "layers[0].type: expected a string"},
    {NO_NORMALISATION, 5,
     "{'type':'stack','frames':1,'stride':60000}," TINY_LSTM
     ",{'type':'stack','frames':1,'stride':2}",
     TINY_TOKENS, ASR_ERR_FORMAT, "layers[2].stride: one frame of 120000 is over the limit"},
    {"'mean':'none','std':'rnn.bias_ih_l0'", 16, TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "normalisation.std: tensor 'rnn.bias_ih_l0': element "},
    {"'mean':'none','std':'rnn.bias_ih_l0'", 5, TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "tensor 'rnn.bias_ih_l0' has shape [16], expected [5]"},
    {"'mean':'cmvn','std':'none'", 5, TINY_LSTM, TINY_TOKENS, ASR_ERR_FORMAT,
     "tensor 'cmvn' is missing"},
};

START_TEST(a_network_that_does_not_fit_together_is_refused_by_name)
    {
        struct safetensors *tensors = tiny_tensors();
        struct model_config *config =
            tiny_config(bad_networks[_i].normalisation, bad_networks[_i].bins,
                        bad_networks[_i].layers, bad_networks[_i].tokens);
        struct asr_error err = {ASR_OK, ""};
        struct network *net;
        ck_assert_int_eq(network_load(&net, config, tensors, f32_kernel(), &err),
                         bad_networks[_i].status);
        ck_assert_ptr_null(net);
        ck_assert_msg(strstr(err.text, bad_networks[_i].says) != NULL, "%s", err.text);
        model_config_free(config);
        safetensors_close(tensors);
    }
END_TEST

/* Stored mean and deviation against the formula, through a network that only copies. */
START_TEST(stored_mean_and_deviation_are_applied)
    {
        const unsigned char bytes[] =
            "\x6b\0\0\0\0\0\0\0"
            "{\"m\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
            "\"s\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}"
            "\x00\x3c\x00\x40"  /* 1, 2 */
            "\x00\x38\x00\x44"; /* 0.5, 4 */
        static const float x[] = {3, 10, -1, 0}, want[] = {4, 2, -4, -0.5F};
        struct safetensors *tensors;
        struct network *net;
        struct network_work *work;
        struct asr_error err = {ASR_OK, ""};
        float y[4];
        struct batch batch = {2, (const size_t[]){1, 1}};
        struct model_config *config = tiny_config(
            "'mean':'m','std':'s'", 2, "{'type':'stack','frames':1,'stride':1}", "'-',' '");

        ck_assert_msg(safetensors_parse(&tensors, bytes, sizeof(bytes) - 1, "two", &err) == ASR_OK,
                      "%s", err.text);
        ck_assert_msg(network_load(&net, config, tensors, f32_kernel(), &err) == ASR_OK, "%s",
                      err.text);
        ck_assert_int_eq(network_work_new(&work, net, 2, NULL), ASR_OK);
        ck_assert_int_eq(network_reserve(work, net, &batch, NULL), ASR_OK);
        network_forward(net, work, &batch, x, y);
        for (size_t k = 0; k < 4; k++)
            ck_assert_float_eq(y[k], want[k]);
        network_work_free(work);
        network_free(net);
        safetensors_close(tensors);
        model_config_free(config);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct safetensors *tensors = tiny_tensors();
        struct model_config *config = tiny_config(NO_NORMALISATION, 5, TINY_LSTM, TINY_TOKENS);
        struct network *net;
        struct network_work *work;
        struct batch batch = {1, (const size_t[]){9}};
        const struct kernel *kernel = f32_kernel();
        enum asr_status st;
        long nth = 0;

        do {
            fail_alloc(nth++);
            st = network_load(&net, config, tensors, kernel, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (net != NULL));
            if (st != ASR_OK)
                ck_assert_int_eq(st, ASR_ERR_NOMEM);
        } while (st == ASR_ERR_NOMEM && (network_free(net), true));
        ck_assert_int_ge(nth, 7);
        nth = 0;
        do {
            fail_alloc(nth++);
            st = network_work_new(&work, net, 2, NULL);
            if (st == ASR_OK)
                st = network_reserve(work, net, &batch, NULL);
            fail_alloc(-1);
            network_work_free(work);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth,
                         16); /* work, mean, 2 lengths, 9 of the LSTM, 2 buffers; then success */
        network_free(net);
        model_config_free(config);
        safetensors_close(tensors);
    }
END_TEST

/* ... and for a batch that it had room for before: growing lets go of the old room first. */
START_TEST(work_that_could_not_grow_works_again_later)
    {
        struct npy features = golden(recordings[0], "features"),
                   want = golden(recordings[0], "logits");
        size_t lengths[] = {30, features.rows};
        struct batch small = {1, &lengths[0]}, large = {1, &lengths[1]};
        for (long nth = 0; nth < 2; nth++) {
            struct network_work *work = new_work(1);
            float *before = forward(work, &small, features.values);
            fail_alloc(nth);
            ck_assert_int_eq(network_reserve(work, shipped, &large, NULL), ASR_ERR_NOMEM);
            fail_alloc(-1);
            float *after = forward(work, &small, features.values);
            ck_assert_float_eq(max_difference(after, before, 10 * want.cols), 0);
            float *logits = forward(work, &large, features.values);
            ck_assert_float_le(max_difference(logits, want.values, want.rows * want.cols), 1e-3F);
            free(before);
            free(after);
            free(logits);
            network_work_free(work);
        }
        free(features.values);
        free(want.values);
    }
END_TEST

static void add_wrong(float *y, const float *x, const float *w, size_t k, size_t n)
{
    gemm_add_xwt(y, x, w, k, n);
    y[GEMM_ROWS * n - 1] += 0.01F;
}

static void add_nan(float *y, const float *x, const float *w, size_t k, size_t n)
{
    gemm_add_xwt(y, x, w, k, n);
    y[0] = NAN;
}

/* By one bit, in one row. */
static void add_by_place(float *y, const float *x, const float *w, size_t k, size_t n)
{
    gemm_add_xwt(y, x, w, k, n);
    y[5 * n] = nextafterf(y[5 * n], 100);
}

START_TEST(a_blas_that_computes_wrong_is_refused_with_advice)
    {
        struct asr_error err = {ASR_OK, ""};
        ck_assert_int_eq(gemm_verify(gemm_add_xwt, &err), ASR_OK);
        ck_assert_int_eq(gemm_verify(add_nan, &err), ASR_ERR_UNSUPPORTED);
        ck_assert_int_eq(gemm_verify(add_wrong, &err), ASR_ERR_UNSUPPORTED);
        ck_assert_msg(strstr(err.text, "OPENBLAS_CORETYPE") != NULL, "%s", err.text);
        ck_assert_int_eq(gemm_verify(add_by_place, &err), ASR_ERR_UNSUPPORTED);
        ck_assert_msg(strstr(err.text, "gives row 5 ") != NULL, "%s", err.text);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("network");
    TCase *model = tcase_create("shipped model"), *load = tcase_create("loading");
    tcase_set_timeout(model, 300);
    tcase_add_unchecked_fixture(model, load_shipped, free_shipped);
    tcase_add_test(model, the_shipped_model_has_the_shape_of_its_config);
    tcase_add_loop_test(model, logits_match_the_independent_program, 0, COUNT(recordings));
    tcase_add_loop_test(model, with_every_kernel_company_changes_no_bit, 0, (int)n_kernels);
    tcase_add_test(model, a_batch_of_nothing_gives_nothing);
    tcase_add_test(model, one_model_serves_four_threads);
    tcase_add_test(model, a_batch_over_the_works_size_is_refused);
    tcase_add_loop_test(model, frames_that_overflow_are_refused, 0, 3);
    tcase_add_test(model, work_that_could_not_grow_works_again_later);
    suite_add_tcase(s, model);
    tcase_set_timeout(load, 300);
    tcase_add_loop_test(load, a_network_that_does_not_fit_together_is_refused_by_name, 0,
                        COUNT(bad_networks));
    tcase_add_test(load, stored_mean_and_deviation_are_applied);
    tcase_add_test(load, every_allocation_may_fail);
    tcase_add_test(load, a_blas_that_computes_wrong_is_refused_with_advice);
    suite_add_tcase(s, load);
    return s;
}
