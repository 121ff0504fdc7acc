#include <jansson.h>
#include <string.h>

#include "proto/api_error.h"
#include "tests/support/suite.h"

static struct buffer out;
static struct asr_error err;
static struct api_error e;

static void setup(void)
{
    buffer_init(&out, 1 << 16);
}

static void teardown(void)
{
    buffer_free(&out);
}

/* OpenAI's SDKs choose the exception's class by the status alone. */
START_TEST(every_code_has_its_own_name_and_a_status_that_fits_its_type)
    {
        for (int i = API_OK + 1; i < API_ERROR_COUNT; i++) {
            const struct api_error_row *row = api_error_row((enum api_error_code)i);
            ck_assert_msg(row->code && *row->code, "code %d has no name", i);
            for (int j = API_OK; j < i; j++)
                ck_assert_str_ne(row->code, api_error_row((enum api_error_code)j)->code);
            ck_assert_msg(row->http_status >= 400 && row->http_status < 600, "%s", row->code);
            ck_assert_str_eq(row->type,
                             row->http_status < 500 ? "invalid_request_error" : "server_error");
        }
    }
END_TEST

START_TEST(the_error_object_is_openais)
    {
        api_fail(&e, API_INVALID_VALUE, "response_format", "Invalid value: '%s'.", "a\"b");
        ck_assert_int_eq(api_error_render(&e, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "{\"error\":{\"message\":\"Invalid value: 'a\\\"b'.\","
                         "\"type\":\"invalid_request_error\",\"param\":\"response_format\","
                         "\"code\":\"invalid_value\"}}");
    }
END_TEST

START_TEST(no_param_is_null)
    {
        ck_assert_int_eq(api_fail(&e, API_OVERLOADED, NULL, "later"), API_OVERLOADED);
        ck_assert_int_eq(api_error_render(&e, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes, "{\"error\":{\"message\":\"later\",\"type\":\"server_error\","
                                    "\"param\":null,\"code\":\"overloaded\"}}");
    }
END_TEST

START_TEST(a_message_cut_inside_a_character_is_still_valid_json)
    {
        char many[1001];

        memset(many, 'm', 1000);
        for (size_t i = 1; i + 1 < 1000; i += 2)
            memcpy(many + i, "\xC3\xA9", 2);
        many[1000] = 0;
        api_fail(&e, API_INVALID_VALUE, NULL, "%s", many);
        ck_assert_int_eq(api_error_render(&e, &out, &err), ASR_OK);
        json_t *read = json_loads(out.bytes, 0, NULL);
        ck_assert_ptr_nonnull(read);
        json_decref(read);
    }
END_TEST

static const struct {
    enum asr_status status;
    enum api_error_code code;
    const char *param;
} causes[] = {
    {ASR_ERR_FORMAT, API_INVALID_AUDIO, "file"},
    {ASR_ERR_UNSUPPORTED, API_UNSUPPORTED_FORMAT, "file"},
    {ASR_ERR_LIMIT, API_AUDIO_OVER_LIMIT, "file"},
    {ASR_ERR_INVALID, API_INVALID_VALUE, "file"},
    {ASR_ERR_NOMEM, API_OVERLOADED, NULL},
    {ASR_ERR_IO, API_INTERNAL, NULL},
};

START_TEST(a_failed_recording_is_the_clients_error_unless_memory_or_disk_failed)
    {
        asr_fail(&err, causes[_i].status, "the cause");
        ck_assert_int_eq(api_error_of_audio(&e, &err), causes[_i].code);
        ck_assert_int_eq(e.code, causes[_i].code);
        ck_assert_pstr_eq(e.param, causes[_i].param);
        ck_assert_str_eq(e.message, "the cause");
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("api_error");
    TCase *c = tcase_create("api_error");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, every_code_has_its_own_name_and_a_status_that_fits_its_type);
    tcase_add_test(c, the_error_object_is_openais);
    tcase_add_test(c, no_param_is_null);
    tcase_add_test(c, a_message_cut_inside_a_character_is_still_valid_json);
    tcase_add_loop_test(c, a_failed_recording_is_the_clients_error_unless_memory_or_disk_failed, 0,
                        COUNT(causes));
    suite_add_tcase(s, c);
    return s;
}
