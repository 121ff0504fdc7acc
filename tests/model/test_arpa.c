/* The ARPA reader: what each tool writes, and what is refused with which words. */
#include "model/arpa.h"

#include <math.h>
#include <zlib.h>

#include "model/arpa_number.h"
#include "tests/model/ngram_fixture.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* Reads a whole file; the n-grams are printed one a line as "order probability words backoff". */
static enum asr_status read_all(const char *path, char *out, size_t out_bytes,
                                struct asr_error *err)
{
    struct arpa *arpa;
    struct arpa_ngram ngram;
    bool done = false;
    size_t used = 0;
    enum asr_status st = arpa_open(&arpa, path, err);

    while (st == ASR_OK && !done) {
        st = arpa_next(arpa, &ngram, &done, err);
        if (st != ASR_OK || done)
            break;
        used += (size_t)snprintf(out + used, out_bytes - used, "%u %g", ngram.order,
                                 (double)ngram.log10_probability);
        for (unsigned i = 0; i < ngram.order; i++)
            used += (size_t)snprintf(out + used, out_bytes - used, " %.*s",
                                     (int)ngram.words[i].n_bytes, ngram.words[i].text);
        used +=
            (size_t)snprintf(out + used, out_bytes - used, " %g\n", (double)ngram.log10_backoff);
    }
    arpa_close(arpa);
    return st;
}

static enum asr_status read_text(const char *text, size_t n_bytes, char *out, size_t out_bytes,
                                 struct asr_error *err)
{
    char path[32];
    write_temp(path, text, n_bytes);
    enum asr_status st = read_all(path, out, out_bytes, err);
    unlink(path);
    return st;
}

/* One model in many hands; all must read as this. */
static const char same_for_all[] = "1 -99 <s> -0.5\n1 -1 </s> 0\n1 -0.25 a -0.125\n"
                                   "2 -0.3 <s> a 0\n2 -0.6 a </s> 0\n";

static const struct {
    const char *what, *text;
} dialects[] = {
    {"SRILM", "\n\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-99\t<s>\t-0.5\n-1\t</s>\n"
              "-0.25\ta\t-0.125\n\n\\2-grams:\n-0.3\t<s> a\n-0.6\ta </s>\n\n\\end\\\n"},
    {"KenLM", "\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-99\t<s>\t-0.5\n-1.0\t</s>\t0\n"
              "-2.5e-01\ta\t-0.125\n\n\\2-grams:\n-0.3\t<s> a\n-0.6\ta </s>\n\n\\end\\\n"},
    {"IRSTLM", "\n\\data\\\nngram  1=       3\nngram  2=  2\n\n\n\\1-grams:\n-99 <s> -0.50000\n"
               "-1 </s>\n-.25 a -0.125\n\n\\2-grams:\n-0.3 <s> a 0\n-0.6 a </s> 0\n\n\\end\\\n"},
    {"CRLF", "\\data\\\r\nngram 1=3\r\nngram 2=2\r\n\r\n\\1-grams:\r\n-99\t<s>\t-0.5\r\n"
             "-1\t</s>\r\n-0.25\ta\t-0.125\r\n\r\n\\2-grams:\r\n-0.3\t<s> a\r\n-0.6\ta </s>\r\n"
             "\r\n\\end\\\r\n"},
    {"junk before \\data\\", "a comment\nngram 1=7\n\n\\data\\\nngram 1=3\nngram 2=2\n\\1-grams:\n"
                             "-99 <s> -0.5\n-1 </s>\n-0.25 a -0.125\n\\2-grams:\n-0.3 <s> a\n"
                             "-0.6 a </s>\n\\end\\"},
    {"byte order mark", "\xEF\xBB\xBF\\data\\\nngram 1=3\nngram 2=2\n\\1-grams:\n-99 <s> -0.5\n"
                        "-1 </s>\n-0.25 a -0.125\n\\2-grams:\n-0.3 <s> a\n-0.6 a </s>\n\\end\\\n"},
    {"infinity, tabs and spaces",
     " \\data\\ \nngram 1 = 3\nngram 2=2\n\\1-grams:\n-inf\t\t<s>  -0.5\t\n  -1 \t </s>\t-0\n"
     "-25E-2 a -0.125\n\\2-grams:\n-0.3\t<s>\ta\n-0.6 a\t</s>\n\n\n\\end\\\n\n \n"},
};

START_TEST(every_tools_file_reads_the_same)
    {
        char got[512] = "";
        struct asr_error err = {0};
        enum asr_status st =
            read_text(dialects[_i].text, strlen(dialects[_i].text), got, sizeof(got), &err);
        ck_assert_msg(st == ASR_OK, "%s: %s", dialects[_i].what, err.text);
        ck_assert_msg(strcmp(got, same_for_all) == 0, "%s:\n%s", dialects[_i].what, got);
    }
END_TEST

START_TEST(rounding_above_certainty_is_certainty)
    {
        char got[256] = "";
        static const char text[] = "\\data\\\nngram 1=1\n\\1-grams:\n1e-7 a\n\\end\\\n";
        ck_assert_int_eq(read_text(text, strlen(text), got, sizeof(got), NULL), ASR_OK);
        ck_assert_str_eq(got, "1 0 a 0\n");
    }
END_TEST

static const struct {
    const char *text, *says;
    enum asr_status status;
} refused[] = {
    {"", "line 0: the file ends after this line, where \\data\\ was expected", ASR_ERR_FORMAT},
    {"no model\n", "line 1: the file ends after this line", ASR_ERR_FORMAT},
    {"iARPA\n\n\\data\\\n", "iARPA is an internal format of IRSTLM", ASR_ERR_UNSUPPORTED},
    {"qARPA 3 256 256\n", "qARPA is an internal format of IRSTLM", ASR_ERR_UNSUPPORTED},
    {"\\data\\\n\\1-grams:\n", "line 2: \\data\\ declares no n-grams", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=x\n", "line 2: expected \"ngram ORDER=COUNT\", found \"ngram 1=x\"",
     ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=-4\n", "found \"ngram 1=-4\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=99999999999999999999\n", "found \"ngram 1=99999999999999999999\"",
     ASR_ERR_FORMAT},
    {"\\data\\\nngrams\n", "found \"ngrams\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=2\nngram 3=4\n", "line 3: expected the count of order 2, found",
     ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\nngram 2=1\nngram 3=1\nngram 4=1\nngram 5=1\nngram 6=1\nngram 7=1\n",
     "n-grams of order 7; the highest supported is 6", ASR_ERR_UNSUPPORTED},
    {"\\data\\\nngram 1=1\n\\2-grams:\n", "line 3: expected \"\\1-grams:\", found \"\\2-grams:\"",
     ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n\\end\\\n",
     "line 5: \"\\end\\\" after 1 1-grams, but \\data\\ declares 2", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n-1 b\n",
     "line 5: more 1-grams than the 1 that \\data\\ declares", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-x a\n",
     "line 4: expected a probability as a base-10 logarithm, found \"-x\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\nnan a\n", "found \"nan\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n0x1 a\n", "found \"0x1\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n0.5 a\n",
     "line 4: a probability above 1: its logarithm is 0.5", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1e9 a\n", "a probability of -1e9 is beyond +-1000",
     ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1\n", "line 4: expected 1 word, found 0", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\nngram 2=1\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a\n",
     "line 7: expected 2 words, found 1", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a b\n",
     "line 4: expected a back-off weight as a base-10 logarithm, found \"b\"", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a 0 c\n",
     "line 4: \"c\" after the back-off weight of a 1-gram", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n",
     "line 4: the file ends after this line, where more of the model", ASR_ERR_FORMAT},
    {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n\\end\\\nmore\n", "line 6: \"more\" after \\end\\",
     ASR_ERR_FORMAT},
};

START_TEST(a_broken_file_is_refused_with_line_and_finding)
    {
        char got[512];
        struct asr_error err = {0};
        ck_assert_int_eq(
            read_text(refused[_i].text, strlen(refused[_i].text), got, sizeof(got), &err),
            refused[_i].status);
        ck_assert_msg(strstr(err.text, refused[_i].says), "wanted: %s\ngot: %s", refused[_i].says,
                      err.text);
        ck_assert_msg(strstr(err.text, "/tmp/scribed-test-") == err.text, "no file name: %s",
                      err.text);
    }
END_TEST

START_TEST(a_zero_byte_is_refused)
    {
        char got[64];
        struct asr_error err = {0};
        static const char text[] = "\\data\\\nngram 1=1\n\\1-grams:\n-1 a\0b\n\\end\\\n";
        ck_assert_int_eq(read_text(text, sizeof(text) - 1, got, sizeof(got), &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "line 4: a zero byte"));
    }
END_TEST

START_TEST(an_endless_line_is_refused)
    {
        enum { BYTES = 1 << 20 };
        char *text = malloc(BYTES), got[64];
        struct asr_error err = {0};
        memset(text, 'x', BYTES);
        ck_assert_int_eq(read_text(text, BYTES, got, sizeof(got), &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "line 1: longer than 16384 bytes"));
        free(text);
    }
END_TEST

START_TEST(a_long_word_is_refused)
    {
        char text[2048], word[1026], got[64];
        struct asr_error err = {0};
        memset(word, 'w', sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        snprintf(text, sizeof(text), "\\data\\\nngram 1=1\n\\1-grams:\n-1 %s\n\\end\\\n", word);
        ck_assert_int_eq(read_text(text, strlen(text), got, sizeof(got), &err), ASR_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "line 4: a word longer than 1024 bytes"));
    }
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
    {
        static const char text[] = TINY_ARPA;
        char got[512];
        struct asr_error err;
        for (size_t n = 0; n < strlen(text) - 1; n++) /* the last newline may go */
            ck_assert_msg(read_text(text, n, got, sizeof(got), &err) == ASR_ERR_FORMAT, "%zu bytes",
                          n);
        ck_assert_int_eq(read_text(text, strlen(text) - 1, got, sizeof(got), &err), ASR_OK);
    }
END_TEST

/* TINY_ARPA as gzip; returns the number of bytes. */
static size_t gzipped(uint8_t *out, size_t out_bytes)
{
    char path[32];
    write_temp(path, "", 0);
    gzFile gz = gzopen(path, "wb");
    ck_assert_int_gt(gzputs(gz, TINY_ARPA), 0);
    gzclose(gz);
    FILE *file = fopen(path, "rb");
    size_t n = fread(out, 1, out_bytes, file);
    fclose(file);
    unlink(path);
    return n;
}

START_TEST(gzip_reads_as_plain)
    {
        uint8_t gz[1024];
        char plain[512] = "", zipped[512] = "";
        ck_assert_int_eq(read_text(TINY_ARPA, strlen(TINY_ARPA), plain, sizeof(plain), NULL),
                         ASR_OK);
        ck_assert_int_eq(
            read_text((char *)gz, gzipped(gz, sizeof(gz)), zipped, sizeof(zipped), NULL), ASR_OK);
        ck_assert_str_eq(plain, zipped);
        ck_assert_ptr_nonnull(strstr(plain, "3 -0.05 <s> a b 0\n"));
    }
END_TEST

START_TEST(gzip_cut_or_damaged_anywhere_is_refused)
    {
        uint8_t gz[1024];
        char got[512], intact[512] = "";
        size_t n = gzipped(gz, sizeof(gz));
        ck_assert_int_eq(read_text((char *)gz, n, intact, sizeof(intact), NULL), ASR_OK);
        for (size_t cut = 0; cut < n; cut++)
            ck_assert_msg(read_text((char *)gz, cut, got, sizeof(got), NULL) == ASR_ERR_FORMAT,
                          "%zu bytes of %zu", cut, n);
        for (size_t at = 10; at < n;
             at++) { /* the first ten hold times and flags that may differ */
            gz[at] ^= 0x10;
            enum asr_status st = read_text((char *)gz, n, got, sizeof(got), NULL);
            bool unused =
                st == ASR_OK && strcmp(got, intact) == 0; /* bits that pad the last byte */
            ck_assert_msg(st == ASR_ERR_FORMAT || unused, "byte %zu of %zu", at, n);
            gz[at] ^= 0x10;
        }
    }
END_TEST

START_TEST(lines_across_buffers_are_whole)
    {
        enum { WORDS = 60000 }; /* 1.2 MB, several buffers */
        char path[32];
        struct arpa *arpa;
        struct arpa_ngram ngram;
        bool done = false;
        write_temp(path, "", 0);
        FILE *file = fopen(path, "w");
        fprintf(file, "\\data\\\nngram 1=%d\n\\1-grams:\n", WORDS);
        for (int i = 0; i < WORDS; i++)
            fprintf(file, "-1.%04d\tword%d\n", i % 10000, i);
        fputs("\\end\\\n", file);
        fclose(file);
        ck_assert_int_eq(arpa_open(&arpa, path, NULL), ASR_OK);
        double before = arpa_progress(arpa);
        for (int i = 0; i < WORDS; i++) {
            char expected[32];
            int n = snprintf(expected, sizeof(expected), "word%d", i);
            ck_assert_int_eq(arpa_next(arpa, &ngram, &done, NULL), ASR_OK);
            ck_assert_uint_eq(ngram.words[0].n_bytes, n);
            ck_assert_mem_eq(ngram.words[0].text, expected, n);
            ck_assert_float_eq_tol(ngram.log10_probability, -1 - (i % 10000) / 10000.0, 1e-6);
        }
        ck_assert_int_eq(arpa_next(arpa, &ngram, &done, NULL), ASR_OK);
        ck_assert(done);
        ck_assert_double_lt(before, arpa_progress(arpa));
        ck_assert_double_eq(arpa_progress(arpa), 1);
        arpa_close(arpa);
        unlink(path);
    }
END_TEST

START_TEST(numbers_are_read_as_strtod_does)
    {
        static const char *const texts[] = {"0",
                                            "-0",
                                            "-99",
                                            "-1.383514",
                                            "-.5",
                                            "-5.",
                                            "+0.25",
                                            "-4.2e-05",
                                            "1E2",
                                            "-7e+1",
                                            "1e-400",
                                            "-1e400",
                                            "0e99999999999",
                                            "-123456789.987654321",
                                            "-0.0000000000000000000000123456789012345678901234567"};
        for (size_t i = 0; i < COUNT(texts); i++) {
            double expected = strtod(texts[i], NULL), got;
            ck_assert_msg(arpa_parse_log10(texts[i], strlen(texts[i]), &got), "%s", texts[i]);
            ck_assert_msg(got == expected || fabs(got - expected) <= 1e-15 * fabs(expected),
                          "%s read as %.17g", texts[i], got);
        }
    }
END_TEST

START_TEST(what_is_no_number_is_not_read_as_one)
    {
        static const char *const texts[] = {"",      "-",   ".",     "-.",   "e5",  "1e",
                                            "1e-",   "--1", "1.2.3", "0x10", "nan", "inf",
                                            "-infi", "1 ",  " 1",    "1,5"};
        double value;
        for (size_t i = 0; i < COUNT(texts); i++)
            ck_assert_msg(!arpa_parse_log10(texts[i], strlen(texts[i]), &value), "%s", texts[i]);
    }
END_TEST

START_TEST(a_missing_file_is_an_io_error)
    {
        struct arpa *arpa;
        struct asr_error err = {0};
        ck_assert_int_eq(arpa_open(&arpa, "/nowhere/lm.arpa", &err), ASR_ERR_IO);
        ck_assert_str_eq(err.text, "/nowhere/lm.arpa: No such file or directory");
        ck_assert_ptr_null(arpa);
        ck_assert_int_eq(arpa_open(&arpa, "/", &err), ASR_ERR_IO);
        ck_assert_ptr_null(arpa);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;
        char path[32];
        write_temp(path, TINY_ARPA, strlen(TINY_ARPA));
        do {
            struct arpa *arpa;
            fail_alloc(nth++);
            st = arpa_open(&arpa, path, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (arpa != NULL));
            arpa_close(arpa);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 2);
        unlink(path);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("arpa");
    TCase *t = tcase_create("reader");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_tools_file_reads_the_same, 0, COUNT(dialects));
    tcase_add_test(t, rounding_above_certainty_is_certainty);
    tcase_add_loop_test(t, a_broken_file_is_refused_with_line_and_finding, 0, COUNT(refused));
    tcase_add_test(t, a_zero_byte_is_refused);
    tcase_add_test(t, an_endless_line_is_refused);
    tcase_add_test(t, a_long_word_is_refused);
    tcase_add_test(t, a_file_cut_anywhere_is_refused);
    tcase_add_test(t, gzip_reads_as_plain);
    tcase_add_test(t, gzip_cut_or_damaged_anywhere_is_refused);
    tcase_add_test(t, lines_across_buffers_are_whole);
    tcase_add_test(t, numbers_are_read_as_strtod_does);
    tcase_add_test(t, what_is_no_number_is_not_read_as_one);
    tcase_add_test(t, a_missing_file_is_an_io_error);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    return s;
}
