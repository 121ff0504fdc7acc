#include <jansson.h>
#include <math.h>
#include <string.h>

#include "proto/json_writer.h"
#include "tests/support/suite.h"

static struct buffer out;
static struct asr_error err;

static void setup(void)
{
    buffer_init(&out, 1 << 16);
}

static void teardown(void)
{
    buffer_free(&out);
}

static const struct {
    double value;
    unsigned decimals;
    const char *text;
} numbers[] = {
    {0, 3, "0"},
    {0.1 + 0.2, 3, "0.3"},
    {1.005, 3, "1.005"},
    {10, 3, "10"},
    {100, 0, "100"},
    {0.0004, 3, "0"},
    {-0.0004, 3, "0"},
    {0.0005, 3, "0.001"},
    {-1.25, 3, "-1.25"},
    {-0.5, 3, "-0.5"},
    {3599.9996, 3, "3600"},
    {1e9, 9, "1000000000"},
    {0.123456789, 9, "0.123456789"},
    {8.470000267028809, 3, "8.47"},
    {1.0000001e9, 3, "null"},
    {-1e300, 3, "null"},
    {NAN, 3, "null"},
    {-INFINITY, 3, "null"},
};

START_TEST(numbers_are_short_and_exact)
    {
        struct json_writer w;

        json_write_start(&w, &out, &err);
        json_write_number(&w, NULL, numbers[_i].value, numbers[_i].decimals);
        ck_assert_int_eq(json_write_finish(&w), ASR_OK);
        ck_assert_str_eq(out.bytes, numbers[_i].text);
    }
END_TEST

START_TEST(values_nest_with_commas_between_them)
    {
        struct json_writer w;

        json_write_start(&w, &out, &err);
        json_write_open(&w, NULL, '{');
        json_write_open(&w, "empty", '[');
        json_write_close(&w, ']');
        json_write_open(&w, "list", '[');
        json_write_integer(&w, NULL, INT64_MIN);
        json_write_open(&w, NULL, '{');
        json_write_close(&w, '}');
        json_write_text(&w, NULL, NULL);
        json_write_close(&w, ']');
        json_write_text(&w, "a", "b");
        json_write_close(&w, '}');
        ck_assert_int_eq(json_write_finish(&w), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "{\"empty\":[],\"list\":[-9223372036854775808,{},null],\"a\":\"b\"}");
    }
END_TEST

/* Every byte, alone and behind a letter: jansson, which refuses bad UTF-8, must read it. */
START_TEST(any_byte_in_a_string_gives_valid_json)
    {
        const char text[] = {'a', (char)_i, 'z', 0};
        struct json_writer w;
        json_error_t why;

        json_write_start(&w, &out, &err);
        json_write_text(&w, NULL, text);
        ck_assert_int_eq(json_write_finish(&w), ASR_OK);
        json_t *read = json_loadb(out.bytes, out.n_bytes, JSON_DECODE_ANY, &why);
        ck_assert_msg(read != NULL, "byte 0x%02x: %s in %s", (unsigned)_i, why.text, out.bytes);
        ck_assert_str_eq(json_string_value(read), _i < 0x80 ? text : "a\xEF\xBF\xBDz");
        json_decref(read);
    }
END_TEST

START_TEST(strings_are_escaped_as_rfc_8259_has_it)
    {
        struct json_writer w;

        json_write_start(&w, &out, &err);
        json_write_text(&w, NULL, "\"\\\b\f\n\r\t\x1F \x7F/\xC3\xA9\xF0\x9F\x98\x80\xED\xA0\x80");
        ck_assert_int_eq(json_write_finish(&w), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f \\u007f/\xC3\xA9\xF0\x9F\x98\x80"
                         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    }
END_TEST

START_TEST(a_failure_sticks_and_takes_back_what_was_written)
    {
        struct json_writer w;

        buffer_free(&out);
        buffer_init(&out, 12);
        ck_assert_int_eq(buffer_append(&out, "before", 6, &err), ASR_OK);
        json_write_start(&w, &out, &err);
        json_write_open(&w, NULL, '[');
        json_write_text(&w, NULL, "longer than the rest");
        json_write_close(&w, ']');
        ck_assert_int_eq(json_write_finish(&w), ASR_ERR_LIMIT);
        ck_assert_str_eq(out.bytes, "before");
        ck_assert_uint_eq(out.n_bytes, 6);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("json_writer");
    TCase *c = tcase_create("json_writer");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, numbers_are_short_and_exact, 0, COUNT(numbers));
    tcase_add_test(c, values_nest_with_commas_between_them);
    tcase_add_loop_test(c, any_byte_in_a_string_gives_valid_json, 1, 256);
    tcase_add_test(c, strings_are_escaped_as_rfc_8259_has_it);
    tcase_add_test(c, a_failure_sticks_and_takes_back_what_was_written);
    suite_add_tcase(s, c);
    return s;
}
