/* A model directory, loaded, and recordings made into text: the shipped model against best-path
 * texts of an independent program (tests/data/README.md). */
#include "model/model.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const char *const recordings[] = {
    "phone8k.61-70968-0025.wav", "read16k.4077-13751-0001.flac", "read16k.61-70968-0025.flac"};
static const struct decode_options greedy = {.decoder = DECODER_GREEDY},
                                   beam = {.decoder = DECODER_BEAM};

/* What the independent program's transcripts were computed in. */
static const struct model_options f32 = {PRECISION_F32, ""};
static struct model *shipped;

static void load_shipped(void)
{
    struct asr_error err = {ASR_OK, ""};
    ck_assert_msg(model_load(&shipped, "model/en", &f32, &err) == ASR_OK, "%s", err.text);
}

static void free_shipped(void)
{
    model_free(shipped);
}

static struct features golden_features(const char *recording)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/data/golden/%s.features.npy", recording);
    struct npy npy = npy_read(path);
    return (struct features){.values = npy.values,
                             .frames = npy.rows,
                             .bins = npy.cols,
                             .duration_seconds = (double)npy.rows * 0.01};
}

/* Without the line's end, and in small letters as the model's labels are: the independent program
 * prints capitals. free(). */
static char *golden_text(const char *recording)
{
    char path[128];
    size_t n_bytes;
    snprintf(path, sizeof(path), "tests/data/golden/%s.txt", recording);
    char *text = file_read(path, &n_bytes);
    text[strcspn(text, "\n")] = 0;
    for (char *p = text; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return text;
}

static struct model_work *new_work(const struct decode_options *options)
{
    struct model_work *work;
    struct asr_error err = {ASR_OK, ""};
    ck_assert_msg(model_work_new(&work, shipped, options, &err) == ASR_OK, "%s", err.text);
    return work;
}

static void assert_golden(struct model_work *work, const char *recording)
{
    struct features features = golden_features(recording);
    struct transcript *t;
    struct asr_error err = {ASR_OK, ""};
    char *want = golden_text(recording);
    ck_assert_msg(model_transcribe(shipped, work, &features, &transcribe_defaults, &t, &err) ==
                      ASR_OK,
                  "%s", err.text);
    ck_assert_str_eq(t->text, want);
    transcript_free(t);
    free(want);
    free(features.values);
}

START_TEST(the_best_path_is_the_independent_programs)
    {
        struct model_work *work = new_work(&greedy);
        assert_golden(work, recordings[_i]);
        model_work_free(work);
    }
END_TEST

/* Long after short and short after long: nothing is left over from the recording before. */
START_TEST(work_is_reused_without_a_trace)
    {
        static const size_t order[] = {0, 1, 2, 1, 0};
        struct model_work *work = new_work(&greedy);
        for (size_t i = 0; i < COUNT(order); i++)
            assert_golden(work, recordings[order[i]]);
        model_work_free(work);
    }
END_TEST

/* The reference is "COME TO ME MEN HERE HERE HE RAISED HIS VOICE STILL LOUDER". */
START_TEST(alternatives_are_ordered_and_right_words_are_trusted_more)
    {
        struct features features = golden_features(recordings[0]);
        struct model_work *work = new_work(&beam);
        struct transcribe_options options = transcribe_defaults;
        struct transcript *t;
        double right = 0, wrong = 0;

        options.n_best = 5;
        ck_assert_int_eq(model_transcribe(shipped, work, &features, &options, &t, NULL), ASR_OK);
        ck_assert_uint_eq(t->n_alternatives, 5);
        ck_assert_str_eq(t->alternatives[0].text, t->text);
        for (size_t i = 1; i < t->n_alternatives; i++) {
            const struct alternative *a = &t->alternatives[i - 1], *b = &t->alternatives[i];
            ck_assert_str_ne(a->text, b->text);
            ck_assert_double_ge(a->acoustic_log_probability + a->language_score,
                                b->acoustic_log_probability + b->language_score);
        }
        for (size_t w = 0; w < t->n_words; w++) {
            const char *text = t->words[w].text;
            bool said =
                strstr("come to me men here he raised his voice still louder", text) != NULL;
            double *best = said ? &right : &wrong;
            *best = fmax(*best, t->words[w].confidence);
        }
        ck_assert_double_gt(right, wrong);
        transcript_free(t);
        model_work_free(work);
        free(features.values);
    }
END_TEST

START_TEST(the_weights_of_a_request_go_before_the_models)
    {
        struct features features = golden_features(recordings[0]);
        struct model_work *work = new_work(&beam);
        struct transcribe_options options = transcribe_defaults;
        struct transcript *with, *without;

        ck_assert_int_eq(model_transcribe(shipped, work, &features, &options, &with, NULL), ASR_OK);
        options.alpha = options.beta = 0;
        ck_assert_int_eq(model_transcribe(shipped, work, &features, &options, &without, NULL),
                         ASR_OK);
        ck_assert_str_ne(with->text, without->text);
        transcript_free(with);
        transcript_free(without);
        model_work_free(work);
        free(features.values);
    }
END_TEST

START_TEST(the_beam_gives_words_in_order_inside_the_recording)
    {
        struct features features = golden_features(recordings[_i]);
        struct model_work *work = new_work(&beam);
        struct transcript *t;
        double before = 0;
        ck_assert_int_eq(model_transcribe(shipped, work, &features, &transcribe_defaults, &t, NULL),
                         ASR_OK);
        ck_assert_uint_gt(t->n_words, 3);
        for (size_t w = 0; w < t->n_words; w++) {
            ck_assert_double_ge(t->words[w].start_seconds, before);
            ck_assert_double_gt(t->words[w].end_seconds, t->words[w].start_seconds);
            ck_assert(t->words[w].confidence > 0 && t->words[w].confidence <= 1);
            before = t->words[w].start_seconds;
        }
        ck_assert_double_le(t->words[t->n_words - 1].end_seconds, features.duration_seconds + 0.03);
        for (size_t k = 0; k < t->n_segments; k++)
            ck_assert_double_lt(t->segments[k].mean_log_posterior, 0);
        transcript_free(t);
        model_work_free(work);
        free(features.values);
    }
END_TEST

START_TEST(a_recording_is_transcribed_from_its_bytes)
    {
        static const struct decode_limits limits = {.max_seconds = 60,
                                                    .min_rate_hz = 8000,
                                                    .max_rate_hz = 48000,
                                                    .max_channels = 2,
                                                    .max_decoded_bytes = 64 << 20};
        struct asr_error err = {ASR_OK, ""};
        struct features features = {0};
        struct front_end_work *front_end;
        struct model_work *work = new_work(&greedy);
        struct transcript *t;
        size_t n_bytes;
        char path[128];

        snprintf(path, sizeof(path), "tests/data/golden/%s", recordings[1 + _i]);
        char *bytes = file_read(path, &n_bytes), *want = golden_text(recordings[1 + _i]);
        ck_assert_int_eq(front_end_work_new(&front_end, model_fbank(shipped), 2, &err), ASR_OK);
        ck_assert_msg(front_end_extract(model_fbank(shipped), front_end, bytes, n_bytes, NULL,
                                        CHANNEL_MIX, &limits, &features, &err) == ASR_OK,
                      "%s", err.text);
        ck_assert_int_eq(model_transcribe(shipped, work, &features, &transcribe_defaults, &t, &err),
                         ASR_OK);
        ck_assert_str_eq(t->text, want);
        transcript_free(t);
        model_work_free(work);
        front_end_work_free(front_end);
        features_free(&features);
        free(bytes);
        free(want);
    }
END_TEST

START_TEST(no_frames_and_too_few_give_empty_text)
    {
        static float some[2 * 80];
        struct features features = {.values = _i ? some : NULL, .frames = (size_t)_i, .bins = 80};
        const struct decode_options *options[] = {&greedy, &beam};
        for (size_t i = 0; i < COUNT(options); i++) {
            struct model_work *work = new_work(options[i]);
            struct transcript *t;
            ck_assert_int_eq(
                model_transcribe(shipped, work, &features, &transcribe_defaults, &t, NULL), ASR_OK);
            ck_assert_str_eq(t->text, "");
            ck_assert_uint_eq(t->n_words, 0);
            transcript_free(t);
            model_work_free(work);
        }
    }
END_TEST

/* Of the golden recordings, and one of no frames between them. */
enum { BATCH = 4 };

static void gather(struct utterance *utterances, struct features *features)
{
    size_t tokens = network_out_width(model_network(shipped));
    for (size_t i = 0; i < BATCH; i++) {
        features[i] = i == 2 ? (struct features){0} : golden_features(recordings[i - (i > 2)]);
        size_t frames = model_posterior_frames(shipped, features[i].frames);
        utterances[i] = (struct utterance){features[i].values, features[i].frames,
                                           malloc(frames * tokens * sizeof(float) + 1)};
    }
}

static void drop(struct utterance *utterances, struct features *features)
{
    for (size_t i = 0; i < BATCH; i++) {
        free(utterances[i].log_posteriors);
        free(features[i].values);
    }
}

static const enum precision precisions[] = {PRECISION_F32, PRECISION_BF16, PRECISION_INT8};

START_TEST(an_utterance_gets_bit_for_bit_from_a_batch_what_it_gets_alone)
    {
        const struct decode_options options = {.decoder = DECODER_GREEDY, .max_batch = BATCH};
        const struct model_options precision = {precisions[_i], ""};
        struct utterance utterances[BATCH];
        struct features features[BATCH];
        struct asr_error err = {ASR_OK, ""};
        struct model *in_f32 = shipped;
        ck_assert_msg(model_load(&shipped, "model/en", &precision, &err) == ASR_OK, "%s", err.text);
        struct model_work *together = new_work(&options), *alone = new_work(&greedy);
        gather(utterances, features);
        ck_assert_msg(model_posteriors_batch(shipped, together, utterances, BATCH, &err) == ASR_OK,
                      "%s", err.text);
        for (size_t i = 0; i < BATCH; i++) {
            const float *want;
            size_t frames;
            ck_assert_int_eq(model_posteriors(shipped, alone, &features[i], &want, &frames, &err),
                             ASR_OK);
            size_t bytes = frames * network_out_width(model_network(shipped)) * sizeof(*want);
            ck_assert(bytes == 0 || memcmp(utterances[i].log_posteriors, want, bytes) == 0);
        }
        drop(utterances, features);
        model_work_free(together);
        model_work_free(alone);
        model_free(shipped);
        shipped = in_f32;
    }
END_TEST

START_TEST(every_allocation_of_a_batch_may_fail)
    {
        const struct decode_options options = {.decoder = DECODER_GREEDY, .max_batch = BATCH};
        struct utterance utterances[BATCH];
        struct features features[BATCH];
        enum asr_status st;
        long nth = 0;
        gather(utterances, features);
        do {
            struct model_work *work = new_work(&options);
            fail_alloc(nth++);
            st = model_posteriors_batch(shipped, work, utterances, BATCH, NULL);
            fail_alloc(-1);
            if (st != ASR_OK) /* what is left must do for the next */
                ck_assert_int_eq(model_posteriors_batch(shipped, work, utterances, BATCH, NULL),
                                 ASR_OK);
            model_work_free(work);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 5); /* 2 of the network, features, posteriors; then success */
        drop(utterances, features);
    }
END_TEST

START_TEST(a_row_of_posteriors_lasts_the_strides_product)
    {
        ck_assert_double_eq_tol(model_frame_seconds(shipped), 0.03, 1e-12);
        ck_assert_str_eq(model_config(shipped)->name, "en-v1");
        ck_assert_uint_eq(fbank_bins(model_fbank(shipped)),
                          network_in_width(model_network(shipped)));
    }
END_TEST

START_TEST(a_beam_of_no_sensible_width_is_refused)
    {
        const struct decode_options absurd = {.decoder = DECODER_BEAM, .beam_width = (size_t)-1};
        struct model_work *work;
        struct asr_error err = {ASR_OK, ""};
        ck_assert_int_eq(model_work_new(&work, shipped, &absurd, &err), ASR_ERR_INVALID);
        ck_assert_ptr_null(work);
        ck_assert_uint_gt(strlen(err.text), 0);
    }
END_TEST

/* Asserts of Check do not belong in other threads: the text is compared after the join. */
struct speaker {
    pthread_t thread;
    struct features features;
    char *text; /* NULL: failed */
};

static void *speak(void *arg)
{
    struct speaker *s = arg;
    struct model_work *work = NULL;
    struct transcript *t = NULL;
    if (model_work_new(&work, shipped, &greedy, NULL) == ASR_OK &&
        model_transcribe(shipped, work, &s->features, &transcribe_defaults, &t, NULL) == ASR_OK)
        s->text = strdup(t->text);
    transcript_free(t);
    model_work_free(work);
    return NULL;
}

START_TEST(one_model_serves_four_threads)
    {
        struct speaker speakers[4];
        for (size_t i = 0; i < COUNT(speakers); i++) {
            speakers[i] = (struct speaker){.features = golden_features(recordings[i % 3])};
            ck_assert_int_eq(pthread_create(&speakers[i].thread, NULL, speak, &speakers[i]), 0);
        }
        for (size_t i = 0; i < COUNT(speakers); i++)
            pthread_join(speakers[i].thread, NULL);
        for (size_t i = 0; i < COUNT(speakers); i++) {
            char *want = golden_text(recordings[i % 3]);
            ck_assert_ptr_nonnull(speakers[i].text);
            ck_assert_str_eq(speakers[i].text, want);
            free(want);
            free(speakers[i].text);
            free(speakers[i].features.values);
        }
    }
END_TEST

START_TEST(every_allocation_of_the_work_may_fail)
    {
        struct model_work *work;
        enum asr_status st;
        long nth = 0;
        do {
            fail_alloc(nth++);
            st = model_work_new(&work, shipped, _i ? &beam : &greedy, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (work != NULL));
            model_work_free(work);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 30); /* itself, 4 of the network, 6 of each LSTM; then success */
    }
END_TEST

/* ... and a request that ran out of memory must not spoil the next. */
START_TEST(every_allocation_of_a_request_may_fail)
    {
        struct features features = golden_features(recordings[0]);
        enum asr_status st;
        long nth = 0;
        do {
            struct model_work *work = new_work(_i ? &beam : &greedy);
            struct transcript *t;
            fail_alloc(nth++);
            st = model_transcribe(shipped, work, &features, &transcribe_defaults, &t, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (t != NULL));
            transcript_free(t);
            if (st != ASR_OK && _i == 0)
                assert_golden(work, recordings[0]);
            model_work_free(work);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        /* 2 buffers, posteriors, hypothesis, transcript; then success. */
        ck_assert_int_ge(nth, 6);
        free(features.values);
    }
END_TEST

/* A directory of our own with these files; "" for none of that name. */
static void make_directory(char *dir, const char *config, const char *tensors)
{
    const char *const names[] = {"config.json", "model.safetensors"}, *const texts[] = {config,
                                                                                        tensors};
    strcpy(dir, "/tmp/scribed-test-model-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (!texts[i][0])
            continue;
        FILE *file = fopen(path, "wb");
        ck_assert_ptr_nonnull(file);
        fputs(texts[i], file);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void remove_directory(const char *dir)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/config.json", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/model.safetensors", dir);
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(a_directory_that_is_no_model_is_refused_with_the_file)
    {
        size_t n_bytes;
        char *config = file_read("model/en/config.json", &n_bytes), *narrow = strdup(config);
        char *fft = strstr(narrow, "512");
        memcpy(fft, "128", 3); /* shorter than the frame */
        const struct {
            const char *config, *tensors;
            enum asr_status status;
            const char *says;
        } broken[] = {
            {"", "", ASR_ERR_IO, "/config.json: No such file"},
            {"{}", "", ASR_ERR_FORMAT, "/config.json: format: missing"},
            {narrow, "", ASR_ERR_FORMAT, "/config.json: features."},
            {config, "", ASR_ERR_IO, "/model.safetensors: No such file"},
            {config, "not a tensor", ASR_ERR_FORMAT, "/model.safetensors: header of "},
            {config, "12345", ASR_ERR_FORMAT,
             "/model.safetensors: 5 bytes are no safetensors file"},
        };
        for (size_t i = 0; i < COUNT(broken); i++) {
            char dir[64];
            struct model *model;
            struct asr_error err = {ASR_OK, ""};
            make_directory(dir, broken[i].config, broken[i].tensors);
            ck_assert_int_eq(model_load(&model, dir, &model_defaults, &err), broken[i].status);
            ck_assert_ptr_null(model);
            ck_assert_msg(strncmp(err.text, dir, strlen(dir)) == 0, "%s", err.text);
            ck_assert_msg(strstr(err.text, broken[i].says) != NULL, "%s", err.text);
            remove_directory(dir);
        }
        free(config);
        free(narrow);
    }
END_TEST

START_TEST(a_path_longer_than_any_is_refused)
    {
        struct model *model;
        struct asr_error err = {ASR_OK, ""};
        char dir[5000];
        memset(dir, 'd', sizeof(dir) - 1);
        dir[sizeof(dir) - 1] = 0;
        ck_assert_int_eq(model_load(&model, dir, &model_defaults, &err), ASR_ERR_INVALID);
        ck_assert_ptr_null(model);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("model");
    TCase *tc = tcase_create("shipped model"), *load = tcase_create("loading");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, alternatives_are_ordered_and_right_words_are_trusted_more);
    tcase_add_test(tc, the_weights_of_a_request_go_before_the_models);
    tcase_add_unchecked_fixture(tc, load_shipped, free_shipped);
    tcase_add_loop_test(tc, the_best_path_is_the_independent_programs, 0, COUNT(recordings));
    tcase_add_test(tc, work_is_reused_without_a_trace);
    tcase_add_loop_test(tc, the_beam_gives_words_in_order_inside_the_recording, 0,
                        COUNT(recordings));
    tcase_add_loop_test(tc, a_recording_is_transcribed_from_its_bytes, 0, 2);
    tcase_add_loop_test(tc, no_frames_and_too_few_give_empty_text, 0, 3);
    tcase_add_test(tc, a_row_of_posteriors_lasts_the_strides_product);
    tcase_add_loop_test(tc, an_utterance_gets_bit_for_bit_from_a_batch_what_it_gets_alone, 0,
                        COUNT(precisions));
    tcase_add_test(tc, every_allocation_of_a_batch_may_fail);
    tcase_add_test(tc, a_beam_of_no_sensible_width_is_refused);
    tcase_add_test(tc, one_model_serves_four_threads);
    tcase_add_loop_test(tc, every_allocation_of_the_work_may_fail, 0, 2);
    tcase_add_loop_test(tc, every_allocation_of_a_request_may_fail, 0, 2);
    suite_add_tcase(s, tc);
    tcase_add_test(load, a_directory_that_is_no_model_is_refused_with_the_file);
    tcase_add_test(load, a_path_longer_than_any_is_refused);
    suite_add_tcase(s, load);
    return s;
}
