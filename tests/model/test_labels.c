#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* Small letters; capitals; no apostrophe; tokens of several letters. The blank's text has letters
 * that no other token has, and must lend none. */
static char *const small[] = {"<Q>", "|", "a", "b", "c", "'", "\xC3\xA9", "\xD0\xB6"};
static char *const capital[] = {"<q>", " ", "A", "B", "C"};
static char *const pieces[] = {"", " ", "a", "ab", "abc", "c", "b", "ab", "x1y"};

static struct model_config config_of(char *const *tokens, size_t n)
{
    return (struct model_config){
        .tokens = (char **)(void *)(size_t)tokens, .n_tokens = n, .blank = 0, .word_separator = 1};
}

#define OF(tokens) config_of(tokens, COUNT(tokens))

/* What came of it: token indices as letters '0'..'9', then the bytes of the text of each in [];
 * or the error. */
static char result[1024];

static enum asr_status spell(struct model_config config, const char *text)
{
    struct speller *speller;
    struct labels labels;
    struct asr_error err;
    size_t n = 0;

    ck_assert_int_eq(speller_new(&speller, &config, NULL), ASR_OK);
    enum asr_status st = labels_spell(speller, text, &labels, &err);
    if (st != ASR_OK)
        ck_assert_ptr_null(labels.tokens);
    for (size_t i = 0; i < labels.n; i++)
        result[n++] = (char)('0' + labels.tokens[i]);
    for (size_t i = 0; i < labels.n; i++) {
        size_t n_bytes = labels.spans[i].end - labels.spans[i].begin;
        result[n++] = '[';
        memcpy(result + n, text + labels.spans[i].begin, n_bytes);
        n += n_bytes;
        result[n++] = ']';
    }
    result[n] = 0;
    if (st != ASR_OK)
        strcpy(result, err.text);
    labels_free(&labels);
    speller_free(speller);
    return st;
}

static const struct {
    const char *text, *want;
} spelled[] = {
    {"cab", "423[c][a][b]"},
    {"CaB", "423[C][a][B]"},
    {"a b", "213[a][ ][b]"},
    {"  a \t\n b \r\n", "213[a][ \t\n ][b]"},
    {"\"A,\" (b)...", "213[A][,\" (][b]"},
    {"a-b", "213[a][-][b]"},
    {"a\xE2\x80\x94"
     "b",
     "213[a][\xE2\x80\x94][b]"}, /* em dash */
    {"a\xC2\xA0"
     "b",
     "213[a][\xC2\xA0][b]"}, /* no-break space */
    {"b'a", "352[b]['][a]"},
    {"b\xE2\x80\x99"
     "a",
     "352[b][\xE2\x80\x99][a]"}, /* typographic apostrophe */
    {"\xC3\x89"
     "a\xC3\xA9",
     "626[\xC3\x89][a][\xC3\xA9]"}, /* E acute in both cases */
    {"\xD0\x96", "7[\xD0\x96]"},    /* Cyrillic zhe */
    {"a|b", "213[a][|][b]"},        /* the separator's own text */
};

START_TEST(a_text_is_normalised_and_each_label_knows_where_it_is_from)
    {
        ck_assert_msg(spell(OF(small), spelled[_i].text) == ASR_OK, "%s", result);
        ck_assert_str_eq(result, spelled[_i].want);
    }
END_TEST

START_TEST(capitals_are_the_case_of_a_model_of_capitals)
    {
        ck_assert_int_eq(spell(OF(capital), "aB cA"), ASR_OK);
        ck_assert_str_eq(result, "23142[a][B][ ][c][A]");
        ck_assert_int_eq(spell(OF(capital), "a'b"), ASR_OK); /* no apostrophe: left out */
        ck_assert_str_eq(result, "23[a'][b]");
    }
END_TEST

START_TEST(the_longest_token_is_taken_and_of_equal_ones_the_first)
    {
        ck_assert_int_eq(spell(OF(pieces), "abcab"), ASR_OK);
        ck_assert_str_eq(result, "43[abc][ab]");
        ck_assert_int_eq(spell(OF(pieces), "ABB aC"), ASR_OK);
        ck_assert_str_eq(result, "36125[AB][B][ ][a][C]");
        /* Its characters are known, but no token begins so. */
        ck_assert_int_eq(spell(OF(pieces), "a1"), ASR_ERR_UNSUPPORTED);
        ck_assert_str_eq(result, "the model does not have the character '1'");
    }
END_TEST

static const struct {
    const char *text, *says;
} lacking[] = {
    {"7", "character '7'"},
    {"a 7% 7", "characters '7', '%'"},
    {"Q", "character 'Q'"}, /* the blank is called so */
    {"b\xC3\x9F", "character '\xC3\x9F'"},
    {"\xF0\x9F\x98\x80", "character '\xF0\x9F\x98\x80'"},
    {"a\x01", "character U+0001"},
    {"0123456789", "'7', ..."},
    {"a\xA9", "character"}, /* no UTF-8: still an answer */
    {"a\xF0", "character"},
};

START_TEST(characters_that_the_model_lacks_are_named)
    {
        ck_assert_int_eq(spell(OF(small), lacking[_i].text), ASR_ERR_UNSUPPORTED);
        ck_assert_msg(strstr(result, lacking[_i].says) != NULL, "%s", result);
    }
END_TEST

static const char *const wordless[] = {"", "   ", "...", "\n-\n"};

START_TEST(a_text_without_a_word_is_refused)
    {
        ck_assert_int_eq(spell(OF(small), wordless[_i]), ASR_ERR_INVALID);
        ck_assert_str_eq(result, "there is no word in the text");
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct model_config config = OF(small);
        enum asr_status st;
        long nth = 0;

        do {
            struct speller *speller;
            struct labels labels = {0};
            fail_alloc(nth++);
            st = speller_new(&speller, &config, NULL);
            if (st == ASR_OK)
                st = labels_spell(speller, "a b", &labels, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (labels.tokens != NULL));
            labels_free(&labels);
            speller_free(speller);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 8);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("labels");
    TCase *tc = tcase_create("labels");

    tcase_add_loop_test(tc, a_text_is_normalised_and_each_label_knows_where_it_is_from, 0,
                        COUNT(spelled));
    tcase_add_test(tc, capitals_are_the_case_of_a_model_of_capitals);
    tcase_add_test(tc, the_longest_token_is_taken_and_of_equal_ones_the_first);
    tcase_add_loop_test(tc, characters_that_the_model_lacks_are_named, 0, COUNT(lacking));
    tcase_add_loop_test(tc, a_text_without_a_word_is_refused, 0, COUNT(wordless));
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
