#include <string.h>

#include "server/request_id.h"
#include "tests/support/suite.h"

#define SIXTY_FOUR "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABC._-"

static const char *const good[] = {"a", "req_1.2-Z", SIXTY_FOUR};
static const char *const bad[] = {
    NULL,    "",         SIXTY_FOUR "x",      "a b", "a\nb", "a\"", "caf\xc3\xa9",
    "a\x1b", "<script>", "a\r\nSet-Cookie: x"};

START_TEST(a_callers_id_is_taken_over)
    {
        struct request_id id;

        request_id_choose(&id, good[_i]);
        ck_assert_str_eq(id.text, good[_i]);
    }
END_TEST

START_TEST(what_is_no_id_is_replaced_by_a_new_one)
    {
        struct request_id id, other;

        request_id_choose(&id, bad[_i]);
        request_id_choose(&other, bad[_i]);
        ck_assert_uint_eq(strlen(id.text), 32);
        ck_assert_uint_eq(strspn(id.text, "0123456789abcdef"), 32);
        ck_assert_str_ne(id.text, other.text);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("request_id");
    TCase *tc = tcase_create("ids");

    tcase_add_loop_test(tc, a_callers_id_is_taken_over, 0, COUNT(good));
    tcase_add_loop_test(tc, what_is_no_id_is_replaced_by_a_new_one, 0, COUNT(bad));
    suite_add_tcase(s, tc);
    return s;
}
