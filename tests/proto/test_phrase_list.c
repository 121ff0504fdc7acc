#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/phrase_list.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static struct phrase_list list;
static struct api_error e;

static void setup(void)
{
    memset(&list, 0, sizeof(list));
}

static void teardown(void)
{
    phrase_list_free(&list);
}

static enum api_error_code add(const char *text, double weight)
{
    return phrase_list_add(&list, "keyterm", text, strlen(text), weight, &e);
}

static enum api_error_code add_json(const char *json)
{
    return phrase_list_add_json(&list, "phrases", json, strlen(json), &e);
}

START_TEST(phrases_are_copied_in_order)
    {
        char text[] = "Ann Lee";

        ck_assert_int_eq(phrase_list_add(&list, "keyterm", text, 7, 1.5, &e), API_OK);
        memset(text, 'x', 7);
        ck_assert_int_eq(phrase_list_add(&list, "keyterm", "Bo and more", 2, 100, &e), API_OK);
        ck_assert_uint_eq(list.n_phrases, 2);
        ck_assert_str_eq(list.phrases[0].text, "Ann Lee");
        ck_assert_double_eq(list.phrases[0].weight, 1.5);
        ck_assert_str_eq(list.phrases[1].text, "Bo");
        ck_assert_double_eq(list.phrases[1].weight, 100);
    }
END_TEST

START_TEST(a_thousand_of_the_longest_fit_and_not_one_more)
    {
        char text[PHRASE_MAX_BYTES + 2];

        memset(text, 'a', sizeof(text));
        text[PHRASE_MAX_BYTES] = 0;
        for (int i = 0; i < PHRASES_MAX; i++) {
            text[0] = (char)('a' + i % 26);
            ck_assert_int_eq(add(text, 1), API_OK);
        }
        for (int i = 0; i < PHRASES_MAX; i++) {
            ck_assert_uint_eq(strlen(list.phrases[i].text), PHRASE_MAX_BYTES);
            ck_assert_int_eq(list.phrases[i].text[0], 'a' + i % 26);
        }
        ck_assert_int_eq(add("b", 1), API_INVALID_VALUE);
        ck_assert_str_eq(e.message, "keyterm: more than 1000 phrases in one request");
        ck_assert_str_eq(e.param, "keyterm");
        ck_assert_uint_eq(list.n_phrases, PHRASES_MAX);
    }
END_TEST

START_TEST(one_byte_too_many_is_refused_with_both_lengths)
    {
        char text[PHRASE_MAX_BYTES + 2];

        memset(text, 'a', sizeof(text));
        text[PHRASE_MAX_BYTES + 1] = 0;
        ck_assert_int_eq(add(text, 1), API_INVALID_VALUE);
        ck_assert_ptr_nonnull(strstr(e.message, "keyterm: the phrase 'aaa"));
        ck_assert_ptr_nonnull(strstr(e.message, "is 257 bytes long, more than 256"));
        ck_assert_uint_eq(list.n_phrases, 0);
    }
END_TEST

static const double bad_weights[] = {0, -1, 100.5, 1e300};

START_TEST(weights_have_bounds)
    {
        ck_assert_int_eq(add("Ann", bad_weights[_i]), API_INVALID_VALUE);
        ck_assert_ptr_nonnull(strstr(e.message, "'Ann' is not above 0 and at most 100"));
        ck_assert_uint_eq(list.n_phrases, 0);
    }
END_TEST

START_TEST(json_mixes_texts_and_objects)
    {
        ck_assert_msg(
            add_json(" [\"Ann\", {\"phrase\":\"Zo\\u00eb\",\"weight\":4}, {\"weight\":0.5,"
                     "\"phrase\":\"x\"}, {\"phrase\":\"no weight\"}, \"\"] ") == API_OK,
            "%s", e.message);
        static const struct phrase expected[] = {{"Ann", PHRASE_DEFAULT_WEIGHT},
                                                 {"Zo\xC3\xAB", 4},
                                                 {"x", 0.5},
                                                 {"no weight", PHRASE_DEFAULT_WEIGHT},
                                                 {"", PHRASE_DEFAULT_WEIGHT}};
        ck_assert_uint_eq(list.n_phrases, COUNT(expected));
        for (size_t i = 0; i < COUNT(expected); i++) {
            ck_assert_str_eq(list.phrases[i].text, expected[i].text);
            ck_assert_double_eq(list.phrases[i].weight, expected[i].weight);
        }
        ck_assert_int_eq(add_json("[]"), API_OK);
        ck_assert_uint_eq(list.n_phrases, COUNT(expected));
    }
END_TEST

static const struct {
    const char *json, *says;
} bad_json[] = {
    {"Ann", "phrases is not JSON"},
    {"[\"Ann\"", "phrases is not JSON"},
    {"[\"Ann\"] x", "phrases is not JSON"},
    {"[\"a\\u0000b\"]", "phrases is not JSON"},
    {"{\"phrase\":\"Ann\"}", "phrases must be a JSON array"},
    {"\"Ann\"", "phrases is not JSON"},
    {"[1]", "phrases: element 0 is neither"},
    {"[\"Ann\", null]", "phrases: element 1 is neither"},
    {"[[\"Ann\"]]", "phrases: element 0 is neither"},
    {"[{}]", "phrases: element 0 is neither"},
    {"[{\"weight\":1}]", "phrases: element 0 is neither"},
    {"[{\"phrase\":1}]", "phrases: element 0 is neither"},
    {"[{\"phrase\":\"Ann\",\"weight\":\"1\"}]", "phrases: element 0 is neither"},
    {"[{\"phrase\":\"Ann\",\"boost\":1}]", "phrases: element 0 is neither"},
    {"[{\"phrase\":\"Ann\",\"phrase\":\"Bo\"}]", "phrases is not JSON: duplicate"},
    {"[{\"phrase\":\"Ann\",\"weight\":0}]", "phrases: the weight 0 of 'Ann'"},
    {"[{\"phrase\":\"Ann\",\"weight\":-2}]", "phrases: the weight -2 of 'Ann'"},
    {"[{\"phrase\":\"Ann\",\"weight\":1e999}]", "phrases is not JSON"},
};

START_TEST(what_is_no_list_of_phrases_is_refused)
    {
        ck_assert_int_eq(add_json(bad_json[_i].json), API_INVALID_VALUE);
        ck_assert_str_eq(e.param, "phrases");
        ck_assert_msg(strstr(e.message, bad_json[_i].says) == e.message, "%s", e.message);
    }
END_TEST

/* What jansson allocates for itself is not seen. */
START_TEST(every_allocation_may_fail)
    {
        fail_alloc(0);
        enum api_error_code code = add("Ann", 1);
        fail_alloc(-1);
        ck_assert_int_eq(code, API_OVERLOADED);
        ck_assert_uint_eq(list.n_phrases, 0);
        ck_assert_int_eq(add("Ann", 1), API_OK);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("phrase_list");
    TCase *tc = tcase_create("phrase_list");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, phrases_are_copied_in_order);
    tcase_add_test(tc, a_thousand_of_the_longest_fit_and_not_one_more);
    tcase_add_test(tc, one_byte_too_many_is_refused_with_both_lengths);
    tcase_add_loop_test(tc, weights_have_bounds, 0, COUNT(bad_weights));
    tcase_add_test(tc, json_mixes_texts_and_objects);
    tcase_add_loop_test(tc, what_is_no_list_of_phrases_is_refused, 0, COUNT(bad_json));
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
