/* The witness: what a text has earned is counted by searching for each phrase in it, word by word.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/phrases.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static char *token_texts[] = {"<blank>", "|", "a", "b", "c", "\xC3\xA9", "th"};
static const struct model_config config = {
    .tokens = token_texts, .n_tokens = COUNT(token_texts), .blank = 0, .word_separator = 1};

static struct phrases *phrases_of(const struct phrase *list, size_t n)
{
    struct phrases *p;
    struct asr_error err;
    ck_assert_msg(phrases_new(&p, &config, list, n, &err) == ASR_OK, "%s", err.text);
    return p;
}

/* What the words of `text`, each ended, have earned; *state is the one behind them. */
static double walk_words(const struct phrases *p, const char *text, uint32_t *state)
{
    char copy[512], *rest = NULL;
    double earned = 0.0, reward;

    *state = PHRASES_START;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        *state = phrases_word_end(p, phrases_next(p, *state, w), &reward);
        earned += reward;
    }
    return earned;
}

/* " a b " in " c a b a ". */
static size_t occurrences(const char *phrase, const char *text)
{
    char needle[512], hay[520];
    size_t n = 0;

    snprintf(needle, sizeof(needle), " %s ", phrase);
    snprintf(hay, sizeof(hay), " %s ", text);
    for (const char *at = strstr(hay, needle); at; at = strstr(at + 1, needle))
        n++;
    return n;
}

static void random_words(char *out, size_t n_words)
{
    out[0] = '\0';
    for (size_t w = 0; w < n_words; w++) {
        if (w > 0)
            strcat(out, " ");
        for (int letters = 1 + rand() % 2; letters > 0; letters--)
            strcat(out, rand() % 2 ? "a" : "b");
    }
}

START_TEST(a_text_earns_every_occurrence_of_every_phrase)
    {
        enum { PHRASES = 12 };
        static char texts[PHRASES][32];
        struct phrase list[PHRASES];
        char text[512];
        uint32_t state;

        srand(40 + (unsigned)_i);
        for (size_t i = 0; i < PHRASES; i++) {
            bool fresh = true;
            do {
                random_words(texts[i], 1 + (size_t)rand() % 3);
                fresh = true;
                for (size_t k = 0; k < i; k++)
                    fresh = fresh && strcmp(texts[i], texts[k]) != 0;
            } while (!fresh);
            list[i] = (struct phrase){texts[i], 1.0 + (double)i};
        }
        struct phrases *p = phrases_of(list, PHRASES);
        for (int round = 0; round < 50; round++) {
            double want = 0.0;
            random_words(text, 20);
            for (size_t i = 0; i < PHRASES; i++)
                want += list[i].weight * (double)occurrences(texts[i], text);
            ck_assert_double_eq_tol(walk_words(p, text, &state), want, 1e-4);
        }
        phrases_free(p);
    }
END_TEST

START_TEST(a_loan_grows_with_the_phrase_and_ends_when_it_breaks)
    {
        static const struct phrase list[] = {{"ab ca", 10.0}};
        struct phrases *p = phrases_of(list, COUNT(list));
        double reward;

        /* "ab", its end, "ca": five steps; the end of "ca" is not lent but earned */
        uint32_t s = phrases_next(p, PHRASES_START, "a");
        ck_assert_double_eq_tol(phrases_loan(p, s), 2.0, 1e-6);
        s = phrases_next(p, s, "b");
        ck_assert_double_eq_tol(phrases_loan(p, s), 4.0, 1e-6);
        ck_assert_double_eq(phrases_loan(p, phrases_next(p, s, "b")), 0.0);
        s = phrases_word_end(p, s, &reward);
        ck_assert_double_eq(reward, 0.0);
        ck_assert_double_eq_tol(phrases_loan(p, s), 6.0, 1e-6);
        ck_assert_double_eq_tol(phrases_loan(p, phrases_next(p, s, "a")), 2.0, 1e-6); /* anew */
        s = phrases_next(p, s, "ca");
        ck_assert_double_eq_tol(phrases_loan(p, s), 10.0, 1e-6);
        ck_assert(phrases_expect_end(p, s));
        s = phrases_word_end(p, s, &reward);
        ck_assert_double_eq_tol(reward, 10.0, 1e-6);
        ck_assert_uint_eq(s, PHRASES_START);
        ck_assert_double_eq_tol(phrases_max_step(p), 2.0 * 2,
                                1e-6); /* a token is 2 bytes at the most */
        phrases_free(p);
    }
END_TEST

START_TEST(the_larger_of_two_loans_that_end_alike_is_given)
    {
        static const struct phrase list[] = {{"a b", 1.0}, {"b", 10.0}};
        struct phrases *p = phrases_of(list, COUNT(list));
        double reward;

        uint32_t s = phrases_word_end(p, phrases_next(p, PHRASES_START, "a"), &reward);
        ck_assert_double_eq_tol(phrases_loan(p, s), 2.0 / 3.0, 1e-6);
        ck_assert_double_eq_tol(phrases_loan(p, phrases_next(p, s, "b")), 10.0, 1e-6);
        phrases_free(p);
    }
END_TEST

START_TEST(a_phrase_is_whole_words)
    {
        static const struct phrase list[] = {{"ab", 1.0}, {"b a", 1.0}};
        struct phrases *p = phrases_of(list, COUNT(list));
        uint32_t state;

        ck_assert_double_eq(walk_words(p, "aba bab cab abc", &state), 0.0);
        ck_assert_double_eq(walk_words(p, "bb a", &state), 0.0);
        ck_assert_double_eq(walk_words(p, "b b a", &state), 1.0);
        ck_assert_uint_eq(phrases_next(p, PHRASES_START, "ac"), PHRASES_OUTSIDE);
        ck_assert(!phrases_expect_end(p, PHRASES_OUTSIDE));
        ck_assert(!phrases_expect_end(p, phrases_next(p, PHRASES_START, "a")));
        ck_assert(phrases_expect_end(p, phrases_next(p, PHRASES_START, "b")));
        phrases_free(p);
    }
END_TEST

START_TEST(case_spaces_and_punctuation_are_as_the_model_has_them)
    {
        static const struct phrase list[] = {{"  AB\t\nC\xC3\x89 ", 1.0},
                                             {"The", 1.0},
                                             {"THTH", 1.0},
                                             {"(a-b), \xE2\x80\x98"
                                              "c\xE2\x80\x99!",
                                              1.0},
                                             {"c|c", 1.0}};
        struct phrases *p = phrases_of(list, COUNT(list));
        uint32_t state;
        size_t n;

        const struct phrase_problem *problems = phrases_problems(p, &n);
        ck_assert_double_eq(walk_words(p, "ab c\xC3\xA9", &state), 1.0);
        ck_assert_double_eq(walk_words(p, "thth", &state), 1.0);
        ck_assert_double_eq(walk_words(p, "a b c", &state), 1.0);
        ck_assert_double_eq(walk_words(p, "c c", &state), 1.0);
        ck_assert_uint_eq(n, 1); /* "e" */
        ck_assert_uint_eq(problems[0].phrase, 1);
        phrases_free(p);
    }
END_TEST

static const struct {
    const char *text, *reason;
} unusable[] = {
    {"a bad", "the model does not have the character 'd'"},
    {"c\xE2\x82\xAC", "the model does not have the character '\xE2\x82\xAC'"},
    {" \t ", "there is no word in the text"},
    {"", "there is no word in the text"},
};

START_TEST(what_cannot_be_heard_is_listed_with_the_reason)
    {
        struct phrase list[] = {{"ab", 1.0}, {unusable[_i].text, 1.0}, {"ba", 1.0}};
        struct phrases *p = phrases_of(list, COUNT(list));
        uint32_t state;
        size_t n;

        const struct phrase_problem *problems = phrases_problems(p, &n);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(problems[0].phrase, 1);
        ck_assert_str_eq(problems[0].why.text, unusable[_i].reason);
        ck_assert_double_eq(walk_words(p, "ab ba", &state), 2.0);
        phrases_free(p);
    }
END_TEST

START_TEST(limits_are_checked)
    {
        static struct phrase many[PHRASES_MAX + 1];
        static const double weights[] = {0.0, -1.0, 101.0, 0.0 / 0.0};
        char text[PHRASE_MAX_BYTES + 2];
        struct phrases *p;
        struct asr_error err;
        size_t n;

        for (size_t i = 0; i <= PHRASES_MAX; i++)
            many[i] = (struct phrase){"ab", 1.0};
        ck_assert_int_eq(phrases_new(&p, &config, many, PHRASES_MAX + 1, &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(err.text, "1001 phrases are over the limit of 1000");
        ck_assert_ptr_null(p);
        phrases_free(phrases_of(many, PHRASES_MAX));
        for (size_t i = 0; i < COUNT(weights); i++) {
            const struct phrase bad = {"ab", weights[i]};
            ck_assert_int_eq(phrases_new(&p, &config, &bad, 1, &err), ASR_ERR_INVALID);
            ck_assert_ptr_null(p);
        }
        for (size_t bytes = PHRASE_MAX_BYTES; bytes <= PHRASE_MAX_BYTES + 1; bytes++) {
            memset(text, 'a', bytes);
            text[bytes] = '\0';
            const struct phrase one = {text, 1.0};
            p = phrases_of(&one, 1);
            phrases_problems(p, &n);
            ck_assert_uint_eq(n, bytes == PHRASE_MAX_BYTES + 1);
            phrases_free(p);
        }
    }
END_TEST

START_TEST(no_phrases_are_fine)
    {
        struct phrases *p = phrases_of(NULL, 0);
        uint32_t state;

        ck_assert_double_eq(walk_words(p, "ab a", &state), 0.0);
        phrases_free(p);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        static const struct phrase list[] = {{"ab ca", 10.0}};
        enum asr_status st;
        long nth = 0;

        do {
            struct phrases *p;
            fail_alloc(nth++);
            st = phrases_new(&p, &config, list, COUNT(list), NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (p != NULL));
            phrases_free(p);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 12);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("phrases");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, a_text_earns_every_occurrence_of_every_phrase, 0, 10);
    tcase_add_test(tc, a_loan_grows_with_the_phrase_and_ends_when_it_breaks);
    tcase_add_test(tc, the_larger_of_two_loans_that_end_alike_is_given);
    tcase_add_test(tc, a_phrase_is_whole_words);
    tcase_add_test(tc, case_spaces_and_punctuation_are_as_the_model_has_them);
    tcase_add_loop_test(tc, what_cannot_be_heard_is_listed_with_the_reason, 0, COUNT(unusable));
    tcase_add_test(tc, limits_are_checked);
    tcase_add_test(tc, no_phrases_are_fine);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
