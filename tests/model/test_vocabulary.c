/* The witness: the model's own word list, searched word by word. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/vocabulary.h"
#include "tests/model/ngram_fixture.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static struct compiled lm;
static struct vocabulary *vocabulary;

static void setup(void)
{
    lm = compile_file("tests/data/ngram/kenlm-test.arpa", 32);
    ck_assert_int_eq(vocabulary_new(&vocabulary, lm.lm, NULL), ASR_OK);
}

static void teardown(void)
{
    vocabulary_free(vocabulary);
    compiled_free(&lm);
}

static int is_special(uint32_t word)
{
    return word == ngram_bos(lm.lm) || word == ngram_eos(lm.lm) || word == ngram_unk(lm.lm);
}

START_TEST(every_word_is_found_and_only_by_its_own_letters)
    {
        for (uint32_t w = 0; w < ngram_words(lm.lm); w++) {
            const char *text = ngram_text(lm.lm, w, NULL);
            uint32_t node = vocabulary_next(vocabulary, VOCABULARY_ROOT, text);
            ck_assert_uint_eq(vocabulary_word(vocabulary, node),
                              is_special(w) ? VOCABULARY_NONE : w);
            ck_assert_uint_eq(vocabulary_next(vocabulary, node, "\x01"), VOCABULARY_NONE);
        }
        ck_assert_uint_eq(vocabulary_word(vocabulary, VOCABULARY_ROOT), VOCABULARY_NONE);
        ck_assert_uint_eq(vocabulary_word(vocabulary, VOCABULARY_NONE), VOCABULARY_NONE);
        ck_assert_uint_eq(vocabulary_next(vocabulary, VOCABULARY_NONE, "a"), VOCABULARY_NONE);
    }
END_TEST

START_TEST(each_beginning_knows_its_best_word_and_its_next_letters)
    {
        for (uint32_t w = 0; w < ngram_words(lm.lm); w++) {
            char begin[64];
            snprintf(begin, sizeof(begin), "%s", ngram_text(lm.lm, w, NULL));
            for (size_t n = strlen(begin); n > 0; n--) {
                float best = -INFINITY;
                uint32_t reach = 0;
                begin[n] = '\0';
                for (uint32_t v = 0; v < ngram_words(lm.lm); v++) {
                    const char *text = ngram_text(lm.lm, v, NULL);
                    if (strncmp(text, begin, n) != 0)
                        continue;
                    best = is_special(v) ? best : fmaxf(best, ngram_unigram(lm.lm, v));
                    reach |= text[n] ? 1u << (unsigned char)text[n] % 32 : 0;
                }
                uint32_t node = vocabulary_next(vocabulary, VOCABULARY_ROOT, begin);
                ck_assert(vocabulary_best(vocabulary, node) == best);
                ck_assert_uint_eq(vocabulary_reach(vocabulary, node), reach);
            }
        }
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct vocabulary *v;
            fail_alloc(nth++);
            st = vocabulary_new(&v, lm.lm, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (v != NULL));
            vocabulary_free(v);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 5);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vocabulary");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_word_is_found_and_only_by_its_own_letters);
    tcase_add_test(tc, each_beginning_knows_its_best_word_and_its_next_letters);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
