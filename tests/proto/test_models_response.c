#include "proto/models_response.h"
#include "tests/support/suite.h"

static const struct served_model models[] = {
    {"en-v1", "en", "CC-BY-4.0", 1767225600},
    {"a \"b\"", "de", NULL, 0},
};

#define FIRST                                                                                      \
    "{\"id\":\"en-v1\",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"scribed\","      \
    "\"language\":\"en\",\"licence\":\"CC-BY-4.0\"}"

START_TEST(one_model_is_openais_object)
    {
        struct buffer out;
        struct asr_error err;

        buffer_init(&out, 4096);
        ck_assert_int_eq(models_render_one(&models[0], &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes, FIRST);
        buffer_free(&out);
    }
END_TEST

START_TEST(the_list_is_openais_object)
    {
        struct buffer out;
        struct asr_error err;

        buffer_init(&out, 4096);
        ck_assert_int_eq(models_render_list(models, 2, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "{\"object\":\"list\",\"data\":[" FIRST
                         ",{\"id\":\"a \\\"b\\\"\",\"object\":\"model\",\"created\":0,"
                         "\"owned_by\":\"scribed\",\"language\":\"de\",\"licence\":null}]}");
        out.n_bytes = 0;
        ck_assert_int_eq(models_render_list(NULL, 0, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes, "{\"object\":\"list\",\"data\":[]}");
        buffer_free(&out);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("models_response");
    TCase *c = tcase_create("models_response");
    tcase_add_test(c, one_model_is_openais_object);
    tcase_add_test(c, the_list_is_openais_object);
    suite_add_tcase(s, c);
    return s;
}
