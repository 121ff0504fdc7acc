#include <string.h>

#include "server/exchange.h"
#include "server/routes.h"
#include "tests/support/suite.h"

/* The answer to a request, as far as routing gives it; free the body. */
static struct answer asked(const char *method, const char *path)
{
    struct exchange x = {.method = method, .path = path};
    const struct route *route = routes_find(method, path);

    if (route->begin)
        route->begin(&x);
    if (!x.answer.status && route->end)
        route->end(&x);
    return x.answer;
}

static const struct {
    const char *method, *path;
    const char *route_path; /* NULL: not found */
} cases[] = {
    {"GET", "/livez", "/livez"},
    {"HEAD", "/livez", "/livez"},
    {"GET", "/v1/models", "/v1/models"},
    {"GET", "/v1/models/whisper-1", "/v1/models/{id}"},
    {"GET", "/v1/models/org/name", "/v1/models/{id}"},
    {"POST", "/v1/audio/transcriptions", "/v1/audio/transcriptions"},
    {"POST", "/v1/alignments", "/v1/alignments"},
    {"POST", "/v1/search", "/v1/search"},
    {"GET", "/v1/models/", NULL},
    {"GET", "/", NULL},
    {"GET", "", NULL},
    {"GET", "/livez/", NULL},
    {"GET", "/live", NULL},
    {"POST", "/v1/audio/transcriptions/x", NULL},
    {"GET", "/LIVEZ", NULL},
};

START_TEST(a_request_goes_to_its_row)
    {
        if (cases[_i].route_path) {
            ck_assert_str_eq(routes_find(cases[_i].method, cases[_i].path)->path,
                             cases[_i].route_path);
            return;
        }
        struct answer answer = asked(cases[_i].method, cases[_i].path);
        ck_assert_uint_eq(answer.status, 404);
        ck_assert_ptr_nonnull(strstr(answer.body.bytes, "\"unknown_url\""));
        ck_assert_ptr_null(answer.allow);
        buffer_free(&answer.body);
    }
END_TEST

static const struct {
    const char *method, *path, *allow;
} wrong[] = {
    {"POST", "/livez", "GET, HEAD, OPTIONS"},
    {"DELETE", "/v1/models/x", "GET, HEAD, OPTIONS"},
    {"GET", "/v1/audio/transcriptions", "POST, OPTIONS"},
    {"HEAD", "/v1/audio/transcriptions", "POST, OPTIONS"},
    {"GET", "/v1/search", "POST, OPTIONS"},
    {"get", "/livez", "GET, HEAD, OPTIONS"},
};

START_TEST(a_wrong_method_is_405_and_told_the_right_ones)
    {
        struct answer answer = asked(wrong[_i].method, wrong[_i].path);

        ck_assert_uint_eq(answer.status, 405);
        ck_assert_str_eq(answer.allow, wrong[_i].allow);
        ck_assert_ptr_nonnull(strstr(answer.body.bytes, "\"method_not_supported\""));
        buffer_free(&answer.body);
    }
END_TEST

START_TEST(options_tells_the_methods)
    {
        struct answer answer = asked("OPTIONS", wrong[_i].path);

        ck_assert_uint_eq(answer.status, 204);
        ck_assert_str_eq(answer.allow, wrong[_i].allow);
    }
END_TEST

START_TEST(a_hostile_path_is_quoted_as_text)
    {
        struct answer answer = asked("GET", "/\"}\n\x1b\xff");

        ck_assert_uint_eq(answer.status, 404);
        ck_assert_ptr_null(strpbrk(answer.body.bytes, "\n\x1b\xff"));
        ck_assert_ptr_nonnull(strstr(answer.body.bytes, "GET /\\\"}"));
        buffer_free(&answer.body);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("routes");
    TCase *tc = tcase_create("table");

    tcase_add_loop_test(tc, a_request_goes_to_its_row, 0, COUNT(cases));
    tcase_add_loop_test(tc, a_wrong_method_is_405_and_told_the_right_ones, 0, COUNT(wrong));
    tcase_add_loop_test(tc, options_tells_the_methods, 0, COUNT(wrong));
    tcase_add_test(tc, a_hostile_path_is_quoted_as_text);
    suite_add_tcase(s, tc);
    return s;
}
