/* The numbers are worked out by hand beside each case. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/transcript.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { FRAMES = 100, BLANK = 0, SPACE = 1, A = 2, B = 3, E_ACUTE = 4, TOKENS = 5 };

static char *token_texts[] = {"<blank>", "|", "a", "b", "\xC3\xA9"};
static const struct model_config config = {
    .tokens = token_texts, .n_tokens = TOKENS, .blank = BLANK, .word_separator = SPACE};
static float posteriors[FRAMES * TOKENS];

static void setup(void)
{
    for (size_t t = 0; t < FRAMES; t++)
        posteriors[t * TOKENS + BLANK] = -0.01f * (float)t;
}

static struct transcript *transcript_of(struct hypothesis_token *tokens, size_t n,
                                        const struct segment_rules *rules)
{
    struct hypothesis h = {.tokens = tokens, .n_tokens = n};
    struct transcript *t;
    ck_assert_int_eq(transcript_new(&t, &config, &h, 1, posteriors, FRAMES, 0.03, 2.9, rules, NULL),
                     ASR_OK);
    return t;
}

START_TEST(words_are_what_lies_between_separators)
    {
        struct hypothesis_token tokens[] = {
            {SPACE, 0, 0, -1}, {SPACE, 2, 2, -1}, {A, 4, 5, -0.2f},         {B, 7, 7, -0.4f},
            {SPACE, 8, 8, -3}, {SPACE, 9, 9, -3}, {E_ACUTE, 10, 12, -0.5f}, {SPACE, 14, 14, -1},
        };
        struct transcript *t = transcript_of(tokens, COUNT(tokens), &segment_defaults);

        ck_assert_str_eq(t->text, "ab \xC3\xA9");
        ck_assert_uint_eq(t->n_words, 2);
        ck_assert_str_eq(t->words[0].text, "ab");
        ck_assert_str_eq(t->words[1].text, "\xC3\xA9");
        ck_assert_double_eq_tol(t->words[0].start_seconds, 4 * 0.03, 1e-9);
        ck_assert_double_eq_tol(t->words[0].end_seconds, 8 * 0.03, 1e-9);
        ck_assert_double_eq_tol(t->words[1].start_seconds, 10 * 0.03, 1e-9);
        ck_assert_double_eq_tol(t->words[1].end_seconds, 13 * 0.03, 1e-9);
        ck_assert_double_eq_tol(t->words[0].confidence, exp(-0.3), 1e-6);
        ck_assert_double_eq_tol(t->words[1].confidence, exp(-0.5), 1e-6);
        ck_assert_uint_eq(t->n_tokens, COUNT(tokens));
        for (size_t i = 0; i < COUNT(tokens); i++)
            ck_assert_uint_eq(t->tokens[i], tokens[i].token);
        ck_assert_double_eq(t->duration_seconds, 2.9);
        transcript_free(t);
    }
END_TEST

START_TEST(a_segment_tells_its_words_tokens_and_probabilities)
    {
        struct hypothesis_token tokens[] = {
            {SPACE, 0, 0, -1}, {A, 1, 1, -0.2f},  {SPACE, 2, 2, -0.6f},
            {B, 3, 4, -0.1f},  {SPACE, 6, 6, -9}, {A, 50, 52, -0.7f},
        };
        struct transcript *t = transcript_of(tokens, COUNT(tokens), &segment_defaults);

        ck_assert_uint_eq(t->n_segments, 2);
        const struct segment *s = t->segments;
        ck_assert_str_eq(s[0].text, "a b");
        ck_assert_uint_eq(s[0].first_word, 0);
        ck_assert_uint_eq(s[0].n_words, 2);
        ck_assert_uint_eq(s[0].first_token, 1);
        ck_assert_uint_eq(s[0].n_tokens, 3);
        ck_assert_double_eq_tol(s[0].start_seconds, 0.03, 1e-9);
        ck_assert_double_eq_tol(s[0].end_seconds, 5 * 0.03, 1e-9);
        ck_assert_double_eq_tol(s[0].mean_log_posterior, -0.3, 1e-6);
        /* frames 1 to 4 */
        ck_assert_double_eq_tol(s[0].no_speech_probability, exp(-0.01 - 0.02 - 0.03 - 0.04), 1e-6);
        ck_assert_str_eq(s[1].text, "a");
        ck_assert_uint_eq(s[1].first_word, 2);
        ck_assert_uint_eq(s[1].first_token, 5);
        ck_assert_uint_eq(s[1].n_tokens, 1);
        ck_assert_double_eq_tol(s[1].no_speech_probability, exp(-0.50 - 0.51 - 0.52), 1e-6);
        transcript_free(t);
    }
END_TEST

/* Five words "é": frames 0, 10, 20, 30, 60, each one frame long. */
static const struct {
    struct segment_rules rules;
    size_t n_segments;
    size_t n_words[5];
} segmentations[] = {
    {{9.0, 9.0, 99}, 1, {5}},
    {{0.5, 9.0, 99}, 2, {4, 1}}, /* the last gap is 29 frames, 0.87 s */
    {{0.1, 9.0, 99}, 5, {1, 1, 1, 1, 1}},
    {{9.0, 0.64, 99}, 3, {3, 1, 1}},       /* three words span 21 frames, 0.63 s */
    {{9.0, 0.02, 99}, 5, {1, 1, 1, 1, 1}}, /* words longer than a segment stand alone */
    {{9.0, 9.0, 3}, 3, {2, 2, 1}},         /* "é é" is three characters and five bytes */
    {{9.0, 9.0, 0}, 5, {1, 1, 1, 1, 1}},
};

START_TEST(segments_follow_the_rules)
    {
        struct hypothesis_token tokens[] = {
            {E_ACUTE, 0, 0, 0},   {SPACE, 1, 1, 0},     {E_ACUTE, 10, 10, 0},
            {SPACE, 11, 11, 0},   {E_ACUTE, 20, 20, 0}, {SPACE, 21, 21, 0},
            {E_ACUTE, 30, 30, 0}, {SPACE, 31, 31, 0},   {E_ACUTE, 60, 60, 0},
        };
        struct transcript *t = transcript_of(tokens, COUNT(tokens), &segmentations[_i].rules);
        size_t word = 0;

        ck_assert_uint_eq(t->n_segments, segmentations[_i].n_segments);
        for (size_t i = 0; i < t->n_segments; i++) {
            ck_assert_uint_eq(t->segments[i].first_word, word);
            ck_assert_uint_eq(t->segments[i].n_words, segmentations[_i].n_words[i]);
            word += t->segments[i].n_words;
        }
        ck_assert_uint_eq(word, t->n_words);
        transcript_free(t);
    }
END_TEST

START_TEST(no_time_is_past_the_end_of_the_recording)
    {
        struct hypothesis_token tokens[] = {{A, 95, 99, -0.1f}};
        struct transcript *t = transcript_of(tokens, COUNT(tokens), &segment_defaults);

        ck_assert_double_eq_tol(t->words[0].start_seconds, 95 * 0.03, 1e-9);
        ck_assert_double_eq(t->words[0].end_seconds, 2.9); /* 100 frames would be 3.0 s */
        ck_assert_double_eq(t->segments[0].end_seconds, 2.9);
        transcript_free(t);
    }
END_TEST

START_TEST(nothing_recognised_is_an_empty_text)
    {
        struct hypothesis_token tokens[] = {{SPACE, 3, 4, -0.1f}};
        struct transcript *t = transcript_of(tokens, (size_t)_i, &segment_defaults);

        ck_assert_str_eq(t->text, "");
        ck_assert_uint_eq(t->n_words, 0);
        ck_assert_uint_eq(t->n_segments, 0);
        transcript_free(t);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct hypothesis_token tokens[] = {{A, 1, 1, -0.1f}};
        struct hypothesis h = {.tokens = tokens, .n_tokens = 1};
        struct transcript *t;

        fail_alloc(0);
        enum asr_status st = transcript_new(&t, &config, &h, 1, posteriors, FRAMES, 0.03, 2.9,
                                            &segment_defaults, NULL);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_ERR_NOMEM);
        ck_assert_ptr_null(t);
        fail_alloc(1); /* there is no second one */
        st = transcript_new(&t, &config, &h, 1, posteriors, FRAMES, 0.03, 2.9, &segment_defaults,
                            NULL);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_OK);
        transcript_free(t);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("transcript");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, words_are_what_lies_between_separators);
    tcase_add_test(tc, a_segment_tells_its_words_tokens_and_probabilities);
    tcase_add_loop_test(tc, segments_follow_the_rules, 0, COUNT(segmentations));
    tcase_add_test(tc, no_time_is_past_the_end_of_the_recording);
    tcase_add_loop_test(tc, nothing_recognised_is_an_empty_text, 0, 2);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
