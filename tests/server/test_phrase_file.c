#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/phrase_file.h"
#include "tests/support/suite.h"

static char path[32];
static struct phrase_list list;
static struct asr_error err;

static void setup(void)
{
    strcpy(path, "/tmp/scribed-phrases-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    memset(&list, 0, sizeof(list));
}

static void teardown(void)
{
    unlink(path);
    phrase_list_free(&list);
}

static enum asr_status read_bytes(const char *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n_bytes, file), n_bytes);
    fclose(file);
    return phrase_file_read(&list, path, &err);
}

START_TEST(a_line_is_a_phrase_and_perhaps_a_weight)
    {
        static const char text[] = "Ann Lee\nBo\t4\r\n\n\r\nlast of all\t2.5e0";
        static const struct phrase expected[] = {
            {"Ann Lee", PHRASE_DEFAULT_WEIGHT}, {"Bo", 4}, {"last of all", 2.5}};

        ck_assert_msg(read_bytes(text, sizeof(text) - 1) == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(list.n_phrases, COUNT(expected));
        for (size_t i = 0; i < COUNT(expected); i++) {
            ck_assert_str_eq(list.phrases[i].text, expected[i].text);
            ck_assert_double_eq(list.phrases[i].weight, expected[i].weight);
        }
    }
END_TEST

START_TEST(an_empty_file_has_none)
    {
        ck_assert_int_eq(read_bytes("", 0), ASR_OK);
        ck_assert_uint_eq(list.n_phrases, 0);
    }
END_TEST

static const struct {
    const char *bytes;
    size_t n_bytes;
    const char *says;
} bad[] = {
    {"Ann\nBo\tmuch\n", 12, ":2: behind the tab is no number"},
    {"Ann\t\n", 5, ":1: behind the tab is no number"},
    {"Ann\t1 \n", 7, ":1: behind the tab is no number"},
    {"Ann\t0x1\n", 8, ":1: behind the tab is no number"},
    {"Ann\t1\t2\n", 8, ":1: behind the tab is no number"},
    {"Ann\t0\n", 6, ":1: the weight 0 of 'Ann'"},
    {"Ann\n\n\nB\xFF\n", 9, ":4: is not UTF-8 text"},
    {"A\0nn\n", 5, ":1: is not UTF-8 text"},
};

START_TEST(a_bad_line_is_named)
    {
        ck_assert_int_eq(read_bytes(bad[_i].bytes, bad[_i].n_bytes), ASR_ERR_FORMAT);
        ck_assert(strncmp(err.text, path, strlen(path)) == 0);
        ck_assert_msg(strstr(err.text, bad[_i].says) == err.text + strlen(path), "%s", err.text);
    }
END_TEST

START_TEST(an_absent_file_is_named)
    {
        ck_assert_int_eq(phrase_file_read(&list, "/nonexistent/phrases", &err), ASR_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/phrases"));
    }
END_TEST

START_TEST(more_phrases_than_the_limit_are_refused_at_their_line)
    {
        enum { LINE = 2 };
        static char text[LINE * (PHRASES_MAX + 1)];

        for (size_t i = 0; i < sizeof(text); i += LINE)
            memcpy(text + i, "a\n", LINE);
        ck_assert_int_eq(read_bytes(text, sizeof(text)), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, ":1001: more than 1000 phrases"));
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("phrase_file");
    TCase *tc = tcase_create("phrase_file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_line_is_a_phrase_and_perhaps_a_weight);
    tcase_add_test(tc, an_empty_file_has_none);
    tcase_add_loop_test(tc, a_bad_line_is_named, 0, COUNT(bad));
    tcase_add_test(tc, an_absent_file_is_named);
    tcase_add_test(tc, more_phrases_than_the_limit_are_refused_at_their_line);
    suite_add_tcase(s, tc);
    return s;
}
