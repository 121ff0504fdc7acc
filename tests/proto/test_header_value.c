#include <stdio.h>
#include <string.h>

#include "proto/header_value.h"
#include "tests/support/suite.h"

/* The value taken apart: "form-data/name=a/filename=b", "!" for a broken parameter. */
static const char *taken_apart(const char *value)
{
    static char text[512], result[1024];
    char *cursor = text, *name, *param_value, *to = result;
    enum header_param param;

    ck_assert_uint_lt(strlen(value), sizeof(text));
    strcpy(text, value);
    to += sprintf(to, "%s", header_value_start(&cursor));
    while ((param = header_value_next(&cursor, &name, &param_value)) == HEADER_PARAM)
        to += sprintf(to, "/%s=%s", name, param_value);
    strcpy(to, param == HEADER_PARAM_BROKEN ? "!" : "");
    return result;
}

static const struct {
    const char *value, *parts;
} cases[] = {
    {"form-data; name=\"a\"; filename=\"b.wav\"", "form-data/name=a/filename=b.wav"},
    {"form-data;name=a;filename=b", "form-data/name=a/filename=b"},
    {" \tform-data ; NAME=a ;\tX=\"\"", "form-data/name=a/x="},
    {"form-data", "form-data"},
    {"", ""},
    {"form-data;", "form-data"},
    {"form-data; ;; name=a;", "form-data/name=a"},
    {"form-data; name=", "form-data/name="},
    {"form-data; name=\"a;b=c\"", "form-data/name=a;b=c"},
    {"form-data; name=\"a\\\"b\\\\c\"", "form-data/name=a\"b\\c"},
    {"form-data; filename=\"C:\\dir\\f.wav\"", "form-data/filename=C:\\dir\\f.wav"},
    {"form-data; filename=\"a%22b.wav\"", "form-data/filename=a%22b.wav"},
    {"multipart/form-data; boundary=----=_Part/1?:2",
     "multipart/form-data/boundary=----=_Part/1?:2"},
    {"multipart/form-data; boundary=\"a b\"; charset=utf-8",
     "multipart/form-data/boundary=a b/charset=utf-8"},
    {"form-data; name=\"a", "form-data!"},
    {"form-data; name=\"a\\\"", "form-data!"},
    {"form-data; name=\"a\"b", "form-data!"},
    {"form-data; name=a b", "form-data!"},
    {"form-data; name", "form-data!"},
    {"form-data; =a", "form-data!"},
    {"form-data; name =a", "form-data!"},
    {"form-data; \"name\"=a", "form-data!"},
};

START_TEST(values_come_apart)
    {
        ck_assert_str_eq(taken_apart(cases[_i].value), cases[_i].parts);
    }
END_TEST

static const struct {
    const char *value, *text;
} extended[] = {
    {"UTF-8''na%c3%AFve.wav", "na\xC3\xAFve.wav"},
    {"utf-8'en'a%20b", "a b"},
    {"UTF-8''", ""},
    {"UTF-8''50%", NULL},
    {"UTF-8''50%2", NULL},
    {"UTF-8''50%2g", NULL},
    {"UTF-8''%00", NULL},
    {"UTF-8''%ff", NULL},
    {"UTF-8'abc", NULL},
    {"ISO-8859-1''%e9", NULL},
    {"plain", NULL},
    {"", NULL},
};

START_TEST(extended_values_are_decoded_or_refused)
    {
        char value[64];
        strcpy(value, extended[_i].value);
        ck_assert_pstr_eq(header_value_decode_extended(value), extended[_i].text);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("header_value");
    TCase *c = tcase_create("header_value");
    tcase_add_loop_test(c, values_come_apart, 0, COUNT(cases));
    tcase_add_loop_test(c, extended_values_are_decoded_or_refused, 0, COUNT(extended));
    suite_add_tcase(s, c);
    return s;
}
