/* The witness for log-probabilities is PyTorch's ctc_loss on the stored logits
 * (tests/data/alignment_golden.py); times and scores are checked on posteriors written by hand. */
#include "model/alignment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/labels.h"
#include "model/log_softmax.h"
#include "model/phrase_search.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

enum { TRELLIS_BYTES = 16 << 20 };

static const struct said {
    const char *recording, *text;
    double log_probability;
} said[] = {
#include "tests/data/alignment_golden.inc"
};

static struct model_config *config;
static struct speller *speller;

static void setup(void)
{
    ck_assert_int_eq(model_config_load(&config, "model/en/config.json", NULL), ASR_OK);
    ck_assert_int_eq(speller_new(&speller, config, NULL), ASR_OK);
}

static void teardown(void)
{
    speller_free(speller);
    model_config_free(config);
}

/* free() the values. */
static struct npy golden_posteriors(const char *recording)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/data/golden/%s.logits.npy", recording);
    struct npy npy = npy_read(path);
    log_softmax(npy.values, npy.rows, npy.cols);
    return npy;
}

START_TEST(the_log_probability_of_a_text_is_pytorchs)
    {
        const struct said *s = &said[_i];
        struct npy npy = golden_posteriors(s->recording);
        struct alignment a;
        struct labels labels;

        ck_assert_int_eq(labels_spell(speller, s->text, &labels, NULL), ASR_OK);
        struct ctc_problem p = {npy.values,    npy.rows,      npy.cols,
                                config->blank, labels.tokens, labels.n};
        ck_assert_int_eq(align(&p, (uint32_t)config->word_separator, 0.03, (double)npy.rows * 0.03,
                               TRELLIS_BYTES, &a, NULL),
                         ASR_OK);
        ck_assert_double_eq_tol(a.log_probability, s->log_probability, 1e-3);
        double before = 0;
        for (size_t i = 0; i < a.n_words; i++) {
            ck_assert_double_ge(a.words[i].at.start_seconds, before);
            ck_assert_double_gt(a.words[i].at.end_seconds, a.words[i].at.start_seconds);
            before = a.words[i].at.end_seconds;
        }
        alignment_free(&a);
        labels_free(&labels);
        free(npy.values);
    }
END_TEST

/* Tokens: blank, separator, x, y. Frames: 3 of silence, "x" for 2, blank, "y", separator, 2 of
 * blank, "y", 3 of silence. What is not the frame's token shares the rest. */
static const int spoken[] = {0, 0, 0, 2, 2, 0, 3, 1, 0, 0, 3, 0, 0, 0};
static const float certain[] = {0.9f, 0.9f, 0.9f, 0.5f, 0.8f, 0.9f, 0.9f,
                                0.9f, 0.9f, 0.9f, 0.6f, 0.9f, 0.9f, 0.9f};
enum { FRAMES = COUNT(spoken), TOKENS = 4, SEPARATOR = 1 };
static const uint32_t xy_y[] = {2, 3, 1, 3};

static void write_posteriors(float *to)
{
    for (size_t t = 0; t < FRAMES; t++)
        for (int k = 0; k < TOKENS; k++)
            to[t * TOKENS + (size_t)k] =
                logf(k == spoken[t] ? certain[t] : (1 - certain[t]) / (TOKENS - 1));
}

START_TEST(words_have_their_frames_times_and_no_silence)
    {
        float posteriors[FRAMES * TOKENS];
        struct ctc_problem p = {posteriors, FRAMES, TOKENS, 0, xy_y, COUNT(xy_y)};
        struct alignment a;

        write_posteriors(posteriors);
        ck_assert_int_eq(align(&p, SEPARATOR, 0.1, 1.05, TRELLIS_BYTES, &a, NULL), ASR_OK);
        ck_assert_uint_eq(a.n_words, 2);
        ck_assert_uint_eq(a.n_labels, 4);
        ck_assert_double_eq_tol(a.words[0].at.start_seconds, 0.3, 1e-9);
        ck_assert_double_eq_tol(a.words[0].at.end_seconds, 0.7, 1e-9);
        ck_assert_double_eq_tol(a.labels[0].end_seconds, 0.5, 1e-9);
        ck_assert_double_eq_tol(a.labels[1].start_seconds, 0.6, 1e-9);
        ck_assert_double_eq_tol(a.words[1].at.start_seconds, 1.0, 1e-9);
        ck_assert_double_eq_tol(a.words[1].at.end_seconds, 1.05, 1e-9); /* the recording's end */
        ck_assert_uint_eq(a.words[1].first_label, 3);
        ck_assert_double_eq_tol(a.words[0].at.score, sqrt(0.8 * 0.9), 1e-6);
        ck_assert_double_eq_tol(a.words[1].at.score, 0.6, 1e-6);
        alignment_free(&a);
    }
END_TEST

START_TEST(a_text_that_is_too_long_is_refused_with_both_lengths)
    {
        float posteriors[FRAMES * TOKENS];
        uint32_t labels[FRAMES + 1];
        struct ctc_problem p = {posteriors, FRAMES, TOKENS, 0, labels, COUNT(labels)};
        struct alignment a;
        struct asr_error err;

        write_posteriors(posteriors);
        for (size_t i = 0; i < COUNT(labels); i++)
            labels[i] = 2 + i % 2;
        ck_assert_int_eq(align(&p, SEPARATOR, 0.1, 1.4, TRELLIS_BYTES, &a, &err), ASR_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.text, "at least 15 frames, the recording has 14"));
        ck_assert_uint_eq(a.n_words, 0);
        p.n_labels = 4;
        ck_assert_int_eq(align(&p, SEPARATOR, 0.1, 1.4, 8, &a, &err), ASR_ERR_LIMIT);
        ck_assert_ptr_null(a.words);
    }
END_TEST

START_TEST(every_allocation_of_an_alignment_may_fail)
    {
        float posteriors[FRAMES * TOKENS];
        struct ctc_problem p = {posteriors, FRAMES, TOKENS, 0, xy_y, COUNT(xy_y)};
        enum asr_status st;
        long nth = 0;

        write_posteriors(posteriors);
        do {
            struct alignment a;
            fail_alloc(nth++);
            st = align(&p, SEPARATOR, 0.1, 1.4, TRELLIS_BYTES, &a, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (a.words != NULL));
            alignment_free(&a);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_gt(nth, 4);
    }
END_TEST

/* ---- many phrases ---------------------------------------------------------------------------- */

static struct phrase_search search_in(const struct npy *npy)
{
    return (struct phrase_search){
        .speller = speller,
        .recording = {.log_posteriors = npy->values,
                      .frames = npy->rows,
                      .n_tokens = npy->cols,
                      .blank = config->blank},
        .separator = (uint32_t)config->word_separator,
        .frame_seconds = 0.03,
        .duration_seconds = (double)npy->rows * 0.03,
        .min_score = 0.3,
        .max_steps = 10000000,
        .max_hits = 100,
    };
}

static const struct phrase phrases[] = {
    {"insignificant seed", 1}, {"7 seeds", 1}, {"banana", 1}, {"Germ", 1}, {" - ", 1}, {"if", 1}};

START_TEST(what_was_said_is_found_in_order_of_time_and_the_unusable_is_listed)
    {
        struct npy npy = golden_posteriors("read16k.4077-13751-0001.flac");
        struct phrase_search search = search_in(&npy);
        struct phrase_hits hits;

        ck_assert_int_eq(search_phrases(&search, phrases, COUNT(phrases), &hits, NULL), ASR_OK);
        ck_assert_uint_eq(hits.n_hits, 3);
        ck_assert_uint_eq(hits.hits[0].phrase, 5);
        ck_assert_uint_eq(hits.hits[1].phrase, 3);
        ck_assert_uint_eq(hits.hits[2].phrase, 0);
        for (size_t i = 0; i < hits.n_hits; i++)
            ck_assert(hits.hits[i].score >= 0.3 && hits.hits[i].score <= 1);
        ck_assert_uint_eq(hits.n_problems, 2);
        ck_assert_uint_eq(hits.problems[0].phrase, 1);
        ck_assert_ptr_nonnull(strstr(hits.problems[0].why.text, "'7'"));
        ck_assert_uint_eq(hits.problems[1].phrase, 4);
        phrase_hits_free(&hits);
        free(npy.values);
    }
END_TEST

START_TEST(a_search_is_bounded_in_steps_and_hits)
    {
        struct npy npy = golden_posteriors("read16k.4077-13751-0001.flac");
        struct phrase_search search = search_in(&npy);
        struct phrase_hits hits;
        struct asr_error err;

        search.max_hits = 2;
        ck_assert_int_eq(search_phrases(&search, phrases, COUNT(phrases), &hits, &err),
                         ASR_ERR_LIMIT);
        ck_assert_ptr_nonnull(strstr(err.text, "more than 2 hits"));
        ck_assert_ptr_null(hits.hits);
        search.max_hits = 100;
        search.max_steps = 10000;
        ck_assert_int_eq(search_phrases(&search, phrases, COUNT(phrases), &hits, &err),
                         ASR_ERR_LIMIT);
        ck_assert_ptr_nonnull(strstr(err.text, "10000 steps"));
        free(npy.values);
    }
END_TEST

START_TEST(every_allocation_of_a_search_may_fail)
    {
        struct npy npy = golden_posteriors("read16k.61-70968-0025.flac");
        struct phrase_search search = search_in(&npy);
        enum asr_status st;
        long nth = 0;

        search.min_score = 0.001;
        do {
            struct phrase_hits hits;
            fail_alloc(nth++);
            st = search_phrases(&search, phrases, COUNT(phrases), &hits, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (hits.problems != NULL));
            phrase_hits_free(&hits);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_gt(nth, 10);
        free(npy.values);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("alignment");
    TCase *tc = tcase_create("alignment");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, the_log_probability_of_a_text_is_pytorchs, 0, COUNT(said));
    tcase_add_test(tc, words_have_their_frames_times_and_no_silence);
    tcase_add_test(tc, a_text_that_is_too_long_is_refused_with_both_lengths);
    tcase_add_test(tc, every_allocation_of_an_alignment_may_fail);
    suite_add_tcase(s, tc);
    tc = tcase_create("search");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_was_said_is_found_in_order_of_time_and_the_unusable_is_listed);
    tcase_add_test(tc, a_search_is_bounded_in_steps_and_hits);
    tcase_add_test(tc, every_allocation_of_a_search_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
