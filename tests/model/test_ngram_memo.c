#include <stdlib.h>

#include "audio/count.h"
#include "model/ngram_memo.h"
#include "tests/model/ngram_fixture.h"
#include "tests/support/suite.h"

static struct ngram_memo memo;

START_TEST(answers_as_the_model_does_whatever_was_asked_before)
    {
        struct compiled c = compile(TINY_ARPA, 32);
        struct ngram_state memo_state = ngram_start(c.lm), state = memo_state;

        srand(5);
        ngram_memo_clear(&memo);
        for (int i = 0; i < 2000; i++) {
            uint32_t word = (uint32_t)rand() % ngram_words(c.lm);
            float expected = ngram_score(c.lm, state, word, &state).log10_probability;
            ck_assert(ngram_memo_score(&memo, c.lm, memo_state, word, &memo_state) == expected);
            ck_assert_uint_eq(memo_state.node, state.node);
        }
        compiled_free(&c);
    }
END_TEST

static void answer_everywhere(uint32_t context, uint32_t word)
{
    for (size_t i = 0; i < COUNT(memo.answers); i++) {
        memo.answers[i].context = context;
        memo.answers[i].word = word;
        memo.answers[i].log10_probability = 1.0f; /* no model's */
    }
}

START_TEST(an_answer_to_another_question_is_not_given)
    {
        struct compiled c = compile(TINY_ARPA, 32);
        struct ngram_state start = ngram_start(c.lm), next;
        uint32_t a = word_of(c.lm, "a"), b = word_of(c.lm, "b");
        float expected = ngram_score(c.lm, start, a, NULL).log10_probability;

        ngram_memo_clear(&memo);
        answer_everywhere(start.node, b);
        ck_assert(ngram_memo_score(&memo, c.lm, start, a, &next) == expected);
        answer_everywhere(start.node + 1, a);
        ck_assert(ngram_memo_score(&memo, c.lm, start, a, &next) == expected);
        compiled_free(&c);
    }
END_TEST

START_TEST(an_answer_is_remembered_until_all_are_cleared)
    {
        struct compiled c = compile(TINY_ARPA, 32), other = compile(TINY_ARPA, 8);
        struct ngram_state start = ngram_start(c.lm), next;
        uint32_t a = word_of(c.lm, "a");
        size_t known = 0;

        ngram_memo_clear(&memo);
        ngram_memo_score(&memo, c.lm, start, a, &next);
        for (size_t i = 0; i < COUNT(memo.answers); i++)
            if (memo.answers[i].word == a) {
                memo.answers[i].log10_probability = -42.0f;
                known++;
            }
        ck_assert_uint_eq(known, 1);
        ck_assert(ngram_memo_score(&memo, c.lm, start, a, &next) == -42.0f);
        ngram_memo_clear(&memo);
        ck_assert(ngram_memo_score(&memo, other.lm, start, a, &next) ==
                  ngram_score(other.lm, start, a, NULL).log10_probability);
        compiled_free(&other);
        compiled_free(&c);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ngram_memo");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, answers_as_the_model_does_whatever_was_asked_before);
    tcase_add_test(tc, an_answer_to_another_question_is_not_given);
    tcase_add_test(tc, an_answer_is_remembered_until_all_are_cleared);
    suite_add_tcase(s, tc);
    return s;
}
