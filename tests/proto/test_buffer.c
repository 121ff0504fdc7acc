#include <string.h>

#include "proto/buffer.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

START_TEST(appended_bytes_are_kept_in_order_and_terminated)
    {
        struct buffer b;
        struct asr_error err;

        buffer_init(&b, 100000);
        for (int i = 0; i < 20000; i++)
            ck_assert_int_eq(buffer_append(&b, &(char){(char)('a' + i % 26)}, 1, &err), ASR_OK);
        ck_assert_int_eq(buffer_printf(&b, &err, "<%d|%s>", 42, "x"), ASR_OK);
        ck_assert_uint_eq(b.n_bytes, 20006);
        ck_assert_uint_eq(strlen(b.bytes), 20006);
        for (int i = 0; i < 20000; i++)
            ck_assert_int_eq(b.bytes[i], 'a' + i % 26);
        ck_assert_str_eq(b.bytes + 20000, "<42|x>");
        buffer_free(&b);
    }
END_TEST

START_TEST(the_limit_holds_to_the_byte_and_leaves_the_content)
    {
        struct buffer b;
        struct asr_error err;

        buffer_init(&b, 1000);
        for (int i = 0; i < 999; i++)
            ck_assert_int_eq(buffer_append(&b, "x", 1, &err), ASR_OK);
        ck_assert_int_eq(buffer_append(&b, "yy", 2, &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(err.text, "more than the limit of 1000 bytes");
        ck_assert_int_eq(buffer_printf(&b, &err, "%s", "yy"), ASR_ERR_LIMIT);
        ck_assert_uint_eq(b.n_bytes, 999);
        ck_assert_int_eq(b.bytes[998], 'x');
        ck_assert_int_eq(b.bytes[999], 0);
        ck_assert_int_eq(buffer_append(&b, "y", 1, &err), ASR_OK);
        ck_assert_uint_le(b.capacity, 1001);
        buffer_free(&b);
    }
END_TEST

START_TEST(a_size_that_would_overflow_is_over_the_limit)
    {
        struct buffer b;
        struct asr_error err;

        buffer_init(&b, SIZE_MAX);
        ck_assert_int_eq(buffer_append(&b, "abc", 3, &err), ASR_OK);
        ck_assert_int_eq(buffer_append(&b, "abc", SIZE_MAX - 2, &err), ASR_ERR_LIMIT);
        ck_assert_str_eq(b.bytes, "abc");
        buffer_free(&b);
    }
END_TEST

START_TEST(a_refused_allocation_leaves_the_content)
    {
        struct buffer b;
        struct asr_error err;
        char much[4096];

        memset(much, 'm', sizeof(much));
        buffer_init(&b, 100000);
        ck_assert_int_eq(buffer_append(&b, "abc", 3, &err), ASR_OK);
        fail_alloc(0);
        ck_assert_int_eq(buffer_append(&b, much, sizeof(much), &err), ASR_ERR_NOMEM);
        fail_alloc(-1);
        ck_assert_str_eq(b.bytes, "abc");
        ck_assert_int_eq(buffer_append(&b, much, sizeof(much), &err), ASR_OK);
        ck_assert_uint_eq(b.n_bytes, 3 + sizeof(much));
        buffer_free(&b);
        ck_assert_ptr_null(b.bytes);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("buffer");
    TCase *c = tcase_create("buffer");
    tcase_add_test(c, appended_bytes_are_kept_in_order_and_terminated);
    tcase_add_test(c, the_limit_holds_to_the_byte_and_leaves_the_content);
    tcase_add_test(c, a_size_that_would_overflow_is_over_the_limit);
    tcase_add_test(c, a_refused_allocation_leaves_the_content);
    suite_add_tcase(s, c);
    return s;
}
