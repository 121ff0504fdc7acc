#include <string.h>

#include "proto/utf8.h"
#include "tests/support/suite.h"

/* The boundaries of RFC 3629's table (section 4) and its neighbours outside. */
static const struct {
    const char *bytes;
    size_t length; /* 0: not a character */
} cases[] = {
    {"a", 1},
    {"\x7F", 1},
    {"\xC2\x80", 2},
    {"\xDF\xBF", 2},
    {"\xE0\xA0\x80", 3},
    {"\xED\x9F\xBF", 3},
    {"\xEE\x80\x80", 3},
    {"\xEF\xBF\xBF", 3},
    {"\xF0\x90\x80\x80", 4},
    {"\xF4\x8F\xBF\xBF", 4},
    {"\x80", 0},             /* a continuation byte alone */
    {"\xC0\x80", 0},         /* overlong NUL */
    {"\xC1\xBF", 0},         /* overlong */
    {"\xC2", 0},             /* cut short */
    {"\xC2\x7F", 0},         /* not continued */
    {"\xC2\xC0", 0},         /* not continued */
    {"\xE0\x9F\xBF", 0},     /* overlong */
    {"\xE2\x82", 0},         /* cut short */
    {"\xE2\x82\x28", 0},     /* not continued */
    {"\xED\xA0\x80", 0},     /* surrogate */
    {"\xF0\x8F\xBF\xBF", 0}, /* overlong */
    {"\xF0\x9F\x98", 0},     /* cut short */
    {"\xF4\x90\x80\x80", 0}, /* past U+10FFFF */
    {"\xF5\x80\x80\x80", 0},
    {"\xFF", 0},
    {"", 0},
};

START_TEST(characters_are_those_of_rfc_3629)
    {
        const char *bytes = cases[_i].bytes;
        ck_assert_uint_eq(utf8_length(bytes, strlen(bytes)), cases[_i].length);
        if (*bytes)
            ck_assert_int_eq(utf8_valid(bytes, strlen(bytes)), cases[_i].length > 0);
    }
END_TEST

START_TEST(one_bad_byte_spoils_a_text)
    {
        ck_assert(utf8_valid("", 0));
        ck_assert(utf8_valid("na\xC3\xAFve \xF0\x9F\x98\x80", 11));
        ck_assert(!utf8_valid("na\xC3ve", 5));
        ck_assert(!utf8_valid("naive\xC3", 6));
    }
END_TEST

START_TEST(a_quote_is_printable_and_short)
    {
        char many[1000];

        ck_assert_str_eq(utf8_quote("plain", 5).text, "plain");
        ck_assert_str_eq(utf8_quote("", 0).text, "");
        ck_assert_str_eq(utf8_quote("a\x01\x7F\n\xFFz", 6).text,
                         "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
        memset(many, '\xFF', sizeof(many));
        ck_assert_uint_eq(strlen(utf8_quote(many, 48).text), 3 * 48);
        ck_assert_uint_eq(strlen(utf8_quote(many, 1000).text), 3 * 48 + 3);
        memset(many, 'm', sizeof(many));
        memcpy(many + 47, "\xC3\xA9", 2); /* not cut in two */
        const struct utf8_quote quote = utf8_quote(many, sizeof(many));
        ck_assert_uint_eq(strlen(quote.text), 47 + 3);
        ck_assert_str_eq(quote.text + 46, "m...");
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("utf8");
    TCase *c = tcase_create("utf8");
    tcase_add_loop_test(c, characters_are_those_of_rfc_3629, 0, COUNT(cases));
    tcase_add_test(c, one_bad_byte_spoils_a_text);
    tcase_add_test(c, a_quote_is_printable_and_short);
    suite_add_tcase(s, c);
    return s;
}
