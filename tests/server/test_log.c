#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log.h"
#include "tests/support/suite.h"

/* What `write_lines` writes to standard error; free(). */
static char *captured(void (*write_lines)(void))
{
    char *text = calloc(1, 65536);
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    ck_assert(file && text && saved >= 0);
    dup2(fileno(file), STDERR_FILENO);
    write_lines();
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
    fclose(file);
    return text;
}

/* Each is the value of a field; none may end the line, start a field, or go out as it is. */
static const char *const hostile[] = {"a b",
                                      "x\nts=1 level=error msg=forged",
                                      "\" msg=forged",
                                      "\\\" msg=forged",
                                      "\x1b[2Jgone",
                                      "bad \xff utf-8 \xc2",
                                      ("\xc2\x9b"
                                       "31m"),
                                      "\r\n{\"level\":\"error\"}",
                                      "a=b",
                                      ""};

static void write_hostile(void)
{
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct log_line line;
        log_start(&line, LOG_LEVEL_INFO, "request");
        log_text(&line, "path", hostile[i]);
        log_integer(&line, "status", -3);
        log_number(&line, "ms", 1.25, 2);
        log_end(&line);
    }
}

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

START_TEST(a_value_can_neither_end_a_line_nor_start_a_field)
    {
        char *text = captured(write_hostile), *rest;

        ck_assert_uint_eq(count(text, '\n'), COUNT(hostile));
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            size_t quotes = 0;
            for (const char *at = line; *at; at++) {
                ck_assert_msg((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7F, "%s", line);
                if (*at == '\\' && quotes % 2)
                    at++;
                else if (*at == '"')
                    quotes++;
                else if (quotes % 2 == 0)
                    ck_assert_msg(strncmp(at, " msg=forged", 11) != 0, "%s", line);
            }
            ck_assert_msg(quotes % 2 == 0, "%s", line);
            ck_assert_msg(strstr(line, " status=-3 ms=1.25"), "%s", line);
        }
        free(text);
    }
END_TEST

START_TEST(a_json_line_is_one_object_with_the_values)
    {
        log_setup(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
        char *text = captured(write_hostile), *rest;
        size_t i = 0;

        for (char *line = strtok_r(text, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest), i++) {
            json_t *object = json_loads(line, 0, NULL);
            ck_assert_msg(object != NULL, "%s", line);
            ck_assert_int_eq(json_integer_value(json_object_get(object, "status")), -3);
            ck_assert_double_eq(json_number_value(json_object_get(object, "ms")), 1.25);
            const char *path = json_string_value(json_object_get(object, "path"));
            if (!strstr(hostile[i], "\xff"))
                ck_assert_str_eq(path, hostile[i]);
            else
                ck_assert_str_eq(path, "bad \xEF\xBF\xBD utf-8 \xEF\xBF\xBD");
            json_decref(object);
        }
        ck_assert_uint_eq(i, COUNT(hostile));
        free(text);
    }
END_TEST

static void write_long(void)
{
    char value[6000];
    struct log_line line;

    memset(value, 'a', sizeof(value));
    value[sizeof(value) - 1] = 0;
    log_start(&line, LOG_LEVEL_WARN, "long");
    log_text(&line, "before", "1");
    log_text(&line, "path", value);
    log_text(&line, "after", "2");
    log_end(&line);
    /* Fields of every length up to the room there is: none may overrun the line. */
    for (size_t n = 3900; n < sizeof(line.bytes); n++) {
        value[n] = 0;
        log_start(&line, LOG_LEVEL_DEBUG, "unseen");
        line.wanted = true;
        log_text(&line, "path", value);
        log_text(&line, "path", value + n - 40);
        ck_assert_uint_le(line.n_bytes, sizeof(line.bytes) - 32);
        value[n] = 'a';
    }
}

START_TEST(a_field_that_does_not_fit_is_left_out_and_the_line_says_so)
    {
        log_setup(_i ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO);
        char *text = captured(write_long);

        ck_assert_uint_eq(count(text, '\n'), 1);
        ck_assert_ptr_null(strstr(text, "aaaa"));
        ck_assert_ptr_nonnull(
            strstr(text, _i ? "\"before\":\"1\",\"after\":\"2\",\"truncated\":true}\n"
                            : " before=1 after=2 truncated=true\n"));
        free(text);
    }
END_TEST

static void write_levels(void)
{
    log_error(LOG_LEVEL_DEBUG, "one", NULL);
    log_error(LOG_LEVEL_INFO, "two", NULL);
    log_error(LOG_LEVEL_WARN, "three", "why");
    log_error(LOG_LEVEL_ERROR, "four", NULL);
}

START_TEST(lines_below_the_level_are_not_written)
    {
        log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARN);
        char *text = captured(write_levels);

        ck_assert_uint_eq(count(text, '\n'), 2);
        ck_assert_ptr_nonnull(strstr(text, " level=warn msg=three error=why\n"));
        ck_assert_ptr_nonnull(strstr(text, " level=error msg=four\n"));
        free(text);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("log");
    TCase *tc = tcase_create("lines");

    tcase_add_test(tc, a_value_can_neither_end_a_line_nor_start_a_field);
    tcase_add_test(tc, a_json_line_is_one_object_with_the_values);
    tcase_add_loop_test(tc, a_field_that_does_not_fit_is_left_out_and_the_line_says_so, 0, 2);
    tcase_add_test(tc, lines_below_the_level_are_not_written);
    suite_add_tcase(s, tc);
    return s;
}
