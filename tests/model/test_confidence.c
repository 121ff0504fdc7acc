/* The witness: shares by a walk over every path of a word's stretch (every_path.h), each text
 * priced word by word. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/confidence.h"
#include "tests/model/every_path.h"
#include "tests/model/ngram_fixture.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static const double LN10 = 2.302585092994045684;
enum { A = 0, SPACE = 2, B = 3 };

static char *letters[] = {"a", "<blank>", " ", "b"};
static const struct model_config config = {
    .tokens = letters, .n_tokens = TOKENS, .blank = BLANK, .word_separator = SPACE};

static const struct ctc_beam_config everything = {
    .beam_width = CTC_BEAM_MAX_WIDTH,
    .min_log_posterior = -INFINITY,
    .score_margin = INFINITY,
};
static const struct confidence_map map = {
    .score_scale = 0.5, .bias = 0.25, .share_weight = 0.75, .posterior_weight = 0.5};

/* "b" and then "a", with the border between two stretches of FRAMES frames. A separator has a frame
 * of its own in truth; here it shares one, so that the stretches have the walk's length. */
static struct hypothesis_token tokens[] = {{SPACE, 0, 0, -0.5f},
                                           {B, 3, FRAMES - 1, -0.25f},
                                           {SPACE, FRAMES, FRAMES, -0.5f},
                                           {A, FRAMES, FRAMES + 2, -1.0f}};
static float posteriors[2 * FRAMES * TOKENS];

static struct confidence_problem problem(const struct fusion *fusion, struct hypothesis *best)
{
    *best = (struct hypothesis){.tokens = tokens, .n_tokens = COUNT(tokens)};
    return (struct confidence_problem){.log_posteriors = posteriors,
                                       .frames = 2 * FRAMES,
                                       .best = best,
                                       .separator = SPACE,
                                       .fusion = fusion};
}

/* The labels as words, behind `state`: what the language model says, and the words again. */
static double price(const struct fusion *f, struct ngram_state state, const struct answer *answer,
                    char *words)
{
    char text[32] = "", *rest = NULL;
    double sum = 0.0;

    words[0] = '\0';
    for (size_t i = 0; i < answer->n_labels; i++)
        strcat(text, letters[answer->labels[i]]);
    for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        strcat(strcat(words, w), " ");
        if (!f)
            continue;
        uint32_t word = ngram_find(f->lm, w, strlen(w));
        double log10_probability =
            (double)ngram_score(f->lm, state, word, &state).log10_probability;
        sum += f->alpha * LN10 * log10_probability + f->beta;
        sum -= word == ngram_unk(f->lm) ? f->unknown_penalty : 0.0;
    }
    return sum;
}

static double share_by_walk(const float *stretch, const struct fusion *f, struct ngram_state state,
                            const char *word)
{
    static struct answer answers[STRINGS];
    double all = 0.0, on_word = 0.0;
    char words[32];

    walk_every_path(stretch, answers);
    for (size_t i = 0; i < STRINGS && answers[i].probability > 0.0; i++) {
        double weight = exp(map.score_scale *
                            (log(answers[i].probability) + price(f, state, &answers[i], words)));
        all += weight;
        on_word += strcmp(words, word) == 0 ? weight : 0.0;
    }
    return on_word / all;
}

START_TEST(shares_equal_a_walk_over_every_path_of_the_stretch)
    {
        struct compiled lm = compile(TINY_ARPA, 32);
        struct vocabulary *vocabulary;
        struct confidence *c;
        struct hypothesis best;
        const struct word_confidence *words;
        size_t n_words;

        ck_assert_int_eq(vocabulary_new(&vocabulary, lm.lm, NULL), ASR_OK);
        const struct fusion with_lm = {.config = &config,
                                       .lm = lm.lm,
                                       .vocabulary = vocabulary,
                                       .alpha = 0.7,
                                       .beta = 0.9,
                                       .unknown_penalty = 1.5,
                                       .score_sentence_end = true};
        const struct fusion *f = _i % 2 ? &with_lm : NULL;
        srand(900 + (unsigned)_i);
        random_posteriors(posteriors, 2 * FRAMES, TOKENS);
        struct confidence_problem p = problem(f, &best);
        ck_assert_int_eq(confidence_new(&c, TOKENS, BLANK, &everything, NULL), ASR_OK);
        ck_assert_int_eq(confidence_words(c, &p, &map, &words, &n_words, NULL), ASR_OK);
        ck_assert_uint_eq(n_words, 2);
        struct ngram_state first = ngram_start(lm.lm), second;
        ngram_score(lm.lm, first, word_of(lm.lm, "b"), &second);
        ck_assert_double_eq_tol(words[0].share, share_by_walk(posteriors, f, first, "b "), 1e-6);
        ck_assert_double_eq_tol(words[1].share,
                                share_by_walk(posteriors + FRAMES * TOKENS, f, second, "a "), 1e-6);
        confidence_free(c);
        vocabulary_free(vocabulary);
        compiled_free(&lm);
    }
END_TEST

START_TEST(the_map_is_the_documented_one)
    {
        struct confidence *c;
        struct hypothesis best;
        const struct word_confidence *w;
        size_t n_words;

        srand(5);
        random_posteriors(posteriors, 2 * FRAMES, TOKENS);
        struct confidence_problem p = problem(NULL, &best);
        ck_assert_int_eq(confidence_new(&c, TOKENS, BLANK, &everything, NULL), ASR_OK);
        ck_assert_int_eq(confidence_words(c, &p, &map, &w, &n_words, NULL), ASR_OK);
        ck_assert_double_eq_tol(w[0].mean_log_posterior, -0.25, 1e-9);
        ck_assert_double_eq_tol(w[1].mean_log_posterior, -1.0, 1e-9);
        for (size_t i = 0; i < n_words; i++) {
            double evidence = 0.25 + 0.75 * (log(w[i].share) - log(1.0 - w[i].share)) +
                              0.5 * w[i].mean_log_posterior;
            ck_assert_double_eq_tol(w[i].confidence, 1.0 / (1.0 + exp(-evidence)), 1e-6);
        }
        confidence_free(c);
    }
END_TEST

/* One letter is certain, or cannot be. */
START_TEST(certainty_stays_a_number)
    {
        struct confidence *c;
        struct hypothesis best;
        const struct word_confidence *w;
        size_t n_words;

        for (size_t i = 0; i < COUNT(posteriors); i++)
            posteriors[i] = i % TOKENS == (_i ? SPACE : A) ? 0.0f : -INFINITY;
        struct confidence_problem p = problem(NULL, &best);
        ck_assert_int_eq(confidence_new(&c, TOKENS, BLANK, &confidence_search, NULL), ASR_OK);
        ck_assert_int_eq(confidence_words(c, &p, &map, &w, &n_words, NULL), ASR_OK);
        ck_assert_double_eq(w[0].share, 0.0); /* "b" */
        ck_assert_double_eq(w[1].share, _i ? 0.0 : 1.0);
        /* As if they were 0.01 and 0.99, whose logits are -+4.59512. */
        ck_assert_double_eq_tol(w[0].confidence,
                                1.0 / (1.0 + exp(-(0.25 - 0.75 * 4.59512 - 0.125))), 1e-6);
        ck_assert(_i ||
                  fabs(w[1].confidence - 1.0 / (1.0 + exp(-(0.25 + 0.75 * 4.59512 - 0.5)))) < 1e-6);
        confidence_free(c);
    }
END_TEST

START_TEST(no_words_have_no_confidence)
    {
        struct confidence *c;
        struct hypothesis best;
        const struct word_confidence *w;
        size_t n_words;

        struct confidence_problem p = problem(NULL, &best);
        best.n_tokens = (size_t)_i; /* none, or a separator */
        ck_assert_int_eq(confidence_new(&c, TOKENS, BLANK, &confidence_search, NULL), ASR_OK);
        ck_assert_int_eq(confidence_words(c, &p, &map, &w, &n_words, NULL), ASR_OK);
        ck_assert_uint_eq(n_words, 0);
        confidence_free(c);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        static const struct ctc_beam_config narrow = {
            .beam_width = 2, .min_log_posterior = -9.0f, .score_margin = 9.0f};
        struct hypothesis best;
        struct confidence_problem p = problem(NULL, &best);
        enum asr_status st;
        long nth = 0;

        random_posteriors(posteriors, 2 * FRAMES, TOKENS);
        do {
            struct confidence *c;
            const struct word_confidence *w;
            size_t n_words;
            fail_alloc(nth++);
            st = confidence_new(&c, TOKENS, BLANK, &narrow, NULL);
            bool made = c != NULL, fine = st == ASR_OK;
            if (st == ASR_OK)
                st = confidence_words(c, &p, &map, &w, &n_words, NULL);
            fail_alloc(-1);
            ck_assert(made == fine);
            confidence_free(c);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 18);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("confidence");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, shares_equal_a_walk_over_every_path_of_the_stretch, 0, 12);
    tcase_add_test(tc, the_map_is_the_documented_one);
    tcase_add_loop_test(tc, certainty_stays_a_number, 0, 2);
    tcase_add_loop_test(tc, no_words_have_no_confidence, 0, 2);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
