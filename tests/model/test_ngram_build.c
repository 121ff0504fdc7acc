/* The compiler's refusals, and compiled files that are damaged by accident or on purpose. */
#include "model/ngram_build.h"

#include <math.h>
#include <sys/stat.h>
#include <zlib.h>

#include "model/ngram_format.h"
#include "tests/model/ngram_fixture.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static const char *const bad_models[][2] = {
    {"\\data\\\nngram 1=2\n\\1-grams:\n-99 <s>\n-1 a\n\\end\\\n",
     ": </s> is not among the 1-grams"},
    {"\\data\\\nngram 1=2\n\\1-grams:\n-1 </s>\n-1 a\n\\end\\\n", ": <s> is not among the 1-grams"},
    {"\\data\\\nngram 1=3\n\\1-grams:\n-9 <s>\n-1 </s>\n-1 <s>\n\\end\\\n",
     "line 6: the word \"<s>\" for the second time"},
    {"\\data\\\nngram 1=4\n\\1-grams:\n-9 <s>\n-1 </s>\n-1 <unk>\n-2 <UNK>\n\\end\\\n",
     "line 7: the word \"<unk>\" for the second time"},
    {"\\data\\\nngram 1=2\nngram 2=1\n\\1-grams:\n-9 <s>\n-1 </s>\n\\2-grams:\n-1 <s> b\n\\end\\\n",
     "line 8: \"b\" is not among the 1-grams"},
    {"\\data\\\nngram 1=2\nngram 2=2\n\\1-grams:\n-9 <s>\n-1 </s>\n\\2-grams:\n-1 <s> </s>\n"
     "-2 <s> </s>\n\\end\\\n",
     ": the 2-gram \"<s> </s>\" is there twice"},
};

START_TEST(a_model_that_makes_no_sense_is_refused)
    {
        uint8_t *image;
        size_t n_bytes;
        struct asr_error err = {0};
        ck_assert_int_eq(compile_text(bad_models[_i][0], 8, &image, &n_bytes, &err),
                         ASR_ERR_FORMAT);
        ck_assert_ptr_null(image);
        ck_assert_msg(strstr(err.text, bad_models[_i][1]), "wanted: %s\ngot: %s", bad_models[_i][1],
                      err.text);
    }
END_TEST

START_TEST(options_that_make_no_sense_are_refused)
    {
        static const struct ngram_build_options bad[] = {
            {.bits = 0, .unk_log10 = -100},  {.bits = 1, .unk_log10 = -100},
            {.bits = 17, .unk_log10 = -100}, {.bits = 64, .unk_log10 = -100},
            {.bits = 8, .unk_log10 = 1},     {.bits = 8, .unk_log10 = -1e9f},
            {.bits = 8, .unk_log10 = NAN},
        };
        for (size_t i = 0; i < COUNT(bad); i++) {
            uint8_t *image;
            size_t n_bytes;
            ck_assert_int_eq(
                ngram_build(&image, &n_bytes, "tests/data/ngram/kenlm-test.arpa", &bad[i], NULL),
                ASR_ERR_INVALID);
            ck_assert_ptr_null(image);
        }
    }
END_TEST

START_TEST(capital_unk_is_unk)
    {
        struct compiled c = compile("\\data\\\nngram 1=3\n\\1-grams:\n-9 <s>\n-1 </s>\n-2 <UNK>\n"
                                    "\\end\\\n",
                                    32);
        struct ngram_info info;
        ngram_info(c.lm, &info);
        ck_assert_int_eq(info.unk_given, 1);
        ck_assert_float_eq(ngram_unigram(c.lm, ngram_unk(c.lm)), -2);
        ck_assert_uint_eq(ngram_words(c.lm), 3);
        compiled_free(&c);
    }
END_TEST

START_TEST(orders_declared_empty_are_not_there)
    {
        struct compiled c = compile("\\data\\\nngram 1=2\nngram 2=0\n\\1-grams:\n-9 <s>\n-1 </s>\n"
                                    "\\2-grams:\n\\end\\\n",
                                    8);
        ck_assert_uint_eq(ngram_order(c.lm), 1);
        compiled_free(&c);
    }
END_TEST

/* Every number has a codebook of 2^bits values at most. */
START_TEST(bits_are_as_asked_and_fewer_bits_make_smaller_files)
    {
        static const unsigned bits[] = {32, 12, 8, 4};
        uint64_t larger = UINT64_MAX;
        for (size_t i = 0; i < COUNT(bits); i++) {
            struct ngram_info info;
            struct compiled c = compile_file("tests/data/ngram/en-subset.arpa.gz", bits[i]);
            ngram_info(c.lm, &info);
            ck_assert_uint_eq(info.order, 3);
            ck_assert_uint_eq(info.ngrams[0], 225); /* with <unk>, which the file lacks */
            ck_assert_uint_eq(info.ngrams[1], 7915);
            ck_assert_uint_eq(info.ngrams[2], 14733);
            ck_assert_uint_le(info.probability_bits[1], bits[i]);
            ck_assert_uint_le(info.backoff_bits[1], bits[i]);
            ck_assert_uint_eq(info.backoff_bits[2], 0);
            ck_assert_uint_eq(info.file_bytes, c.n_bytes);
            ck_assert_uint_lt(info.file_bytes, larger);
            larger = info.file_bytes;
            compiled_free(&c);
        }
    }
END_TEST

START_TEST(compiling_twice_gives_the_same_bytes)
    {
        struct compiled a = compile_file("tests/data/ngram/en-subset.arpa.gz", 8);
        struct compiled b = compile_file("tests/data/ngram/en-subset.arpa.gz", 8);
        ck_assert_uint_eq(a.n_bytes, b.n_bytes);
        ck_assert_mem_eq(a.image, b.image, a.n_bytes);
        compiled_free(&a);
        compiled_free(&b);
    }
END_TEST

struct seen_progress {
    size_t calls;
    double last_read;
};

static void note_progress(void *ctx, const char *stage, double done)
{
    struct seen_progress *seen = ctx;
    ck_assert_double_ge(done, 0);
    ck_assert_double_le(done, 1);
    if (strcmp(stage, "reading") == 0) {
        ck_assert_double_ge(done, seen->last_read);
        seen->last_read = done;
    }
    seen->calls++;
}

START_TEST(progress_is_told)
    {
        struct seen_progress seen = {0};
        struct ngram_build_options options = ngram_build_defaults;
        uint8_t *image;
        size_t n_bytes;
        options.progress = note_progress;
        options.progress_ctx = &seen;
        ck_assert_int_eq(
            ngram_build(&image, &n_bytes, "tests/data/ngram/en-subset.arpa.gz", &options, NULL),
            ASR_OK);
        ck_assert_uint_gt(seen.calls, 5);
        ck_assert_double_gt(seen.last_read, 0);
        free(image);
    }
END_TEST

START_TEST(a_file_is_replaced_whole_or_not_at_all)
    {
        char dir[] = "/tmp/scribed-test-XXXXXX", path[64], part[80];
        struct ngram *lm;
        struct stat info;
        struct asr_error err = {0};
        ck_assert_ptr_nonnull(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/lm.ngram", dir);
        snprintf(part, sizeof(part), "%s.part", path);
        const char *arpa = "tests/data/ngram/kenlm-test.arpa";

        ck_assert_int_eq(ngram_build_file(arpa, path, &ngram_build_defaults, &err), ASR_OK);
        ck_assert_int_eq(ngram_open(&lm, path, &err), ASR_OK);
        ck_assert_uint_eq(ngram_order(lm), 5);
        ngram_close(lm);
        ck_assert_int_ne(stat(part, &info), 0);

        /* Compiling something broken leaves the good one. */
        ck_assert_int_ne(ngram_build_file("Makefile", path, &ngram_build_defaults, &err), ASR_OK);
        ck_assert_int_eq(ngram_open(&lm, path, &err), ASR_OK);
        ngram_close(lm);

        ck_assert_int_eq(ngram_build_file(arpa, "/nowhere/lm.ngram", &ngram_build_defaults, &err),
                         ASR_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/lm.ngram"));
        /* A directory cannot be renamed over: nothing is left beside it. */
        unlink(path);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        ck_assert_int_eq(ngram_build_file(arpa, path, &ngram_build_defaults, &err), ASR_ERR_IO);
        ck_assert_int_ne(stat(part, &info), 0);
        rmdir(path);
        rmdir(dir);
    }
END_TEST

START_TEST(a_file_that_is_not_ours_is_refused_by_name)
    {
        struct ngram *lm;
        struct asr_error err = {0};
        ck_assert_int_eq(ngram_open(&lm, "/nowhere/lm.ngram", &err), ASR_ERR_IO);
        ck_assert_str_eq(err.text, "/nowhere/lm.ngram: No such file or directory");
        ck_assert_ptr_null(lm);
        ck_assert_int_eq(ngram_open(&lm, "Makefile", &err), ASR_ERR_FORMAT);
        ck_assert_str_eq(
            err.text, "Makefile: not a compiled language model (make one with scribed lm build)");
        ck_assert_ptr_null(lm);
        ck_assert_int_eq(ngram_open(&lm, "model", &err), ASR_ERR_IO);
        ck_assert_ptr_null(lm);
        ck_assert_int_eq(ngram_open(&lm, "/dev/null", &err), ASR_ERR_IO);
    }
END_TEST

START_TEST(another_version_is_refused_by_number)
    {
        struct compiled c = compile(TINY_ARPA, 8);
        struct ngram *lm;
        struct asr_error err = {0};
        c.image[8] = 2;
        ck_assert_int_eq(ngram_parse(&lm, c.image, c.n_bytes, "x.lm", &err), ASR_ERR_UNSUPPORTED);
        ck_assert_str_eq(err.text,
                         "x.lm: compiled language model version 2; this program reads version 1");
        c.image[8] = 1;
        compiled_free(&c);
    }
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
    {
        struct compiled c = compile(TINY_ARPA, 8);
        struct asr_error err = {0};
        for (size_t n = 0; n < c.n_bytes; n++) {
            struct ngram *lm;
            ck_assert_int_eq(ngram_parse(&lm, c.image, n, "x.lm", &err), ASR_ERR_FORMAT);
            ck_assert_ptr_null(lm);
            ck_assert_ptr_nonnull(strstr(err.text, "x.lm: "));
        }
        compiled_free(&c);
    }
END_TEST

START_TEST(a_flipped_bit_is_noticed)
    {
        struct compiled c = compile(TINY_ARPA, 8);
        struct asr_error err = {0};
        for (size_t bit = 0; bit < 8 * c.n_bytes; bit++) {
            struct ngram *lm;
            c.image[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            ck_assert_int_ne(ngram_parse(&lm, c.image, c.n_bytes, "x.lm", &err), ASR_OK);
            ck_assert_ptr_null(lm);
            c.image[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        compiled_free(&c);
    }
END_TEST

static void seal(uint8_t *image, size_t n_bytes)
{
    uint32_t sum = (uint32_t)crc32(crc32(0, NULL, 0), image + 16, (uInt)(n_bytes - 16));
    for (int i = 0; i < 4; i++)
        image[12 + i] = (uint8_t)(sum >> (8 * i));
}

/* Every word after every state that can be reached within three words. */
static void query_everything(const struct ngram *lm)
{
    uint32_t words = ngram_words(lm);
    struct ngram_state states[4] = {{0}};
    for (uint32_t i = 0; i < words * words * words; i++) {
        uint32_t word[3] = {i % words, i / words % words, i / words / words};
        for (int j = 0; j < 3; j++) {
            struct ngram_score score = ngram_score(lm, states[j], word[j], &states[j + 1]);
            ck_assert(isfinite(score.log10_probability));
            ck_assert_uint_ge(score.matched, 1);
            ck_assert_uint_le(score.matched, ngram_order(lm));
        }
    }
}

/* With the checksum made right again only the check of the structure is left. */
START_TEST(malice_is_refused_or_harmless)
    {
        static const unsigned bits[] = {8, 32};
        struct compiled c = compile(TINY_ARPA, bits[_i]);
        struct asr_error err = {0};
        size_t refused = 0, accepted = 0;
        for (size_t bit = 16 * 8; bit < 8 * c.n_bytes; bit++) {
            /* A copy of exactly this size, so that AddressSanitizer sees reads past the end. */
            uint8_t *image = malloc(c.n_bytes);
            struct ngram *lm;
            memcpy(image, c.image, c.n_bytes);
            image[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            seal(image, c.n_bytes);
            enum asr_status st = ngram_parse(&lm, image, c.n_bytes, "x.lm", &err);
            if (st == ASR_OK)
                query_everything(lm);
            else
                ck_assert_int_eq(st, ASR_ERR_FORMAT);
            refused += st != ASR_OK;
            accepted += st == ASR_OK;
            ngram_close(lm);
            free(image);
        }
        ck_assert_uint_gt(refused, 300); /* all of the header, and what is structure */
        ck_assert_uint_gt(accepted, 50); /* probabilities may be any */
        compiled_free(&c);
    }
END_TEST

static void set_bits(uint8_t *bytes, uint64_t bit, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t mask = (uint8_t)(1U << ((bit + i) % 8));
        bytes[(bit + i) / 8] &= (uint8_t)~mask;
        if (value >> i & 1)
            bytes[(bit + i) / 8] |= mask;
    }
}

enum field { WORD, CHILD, LINK, BACKOFF, PROBABILITY, OFFSET, TEXT };

/* Lies that a sound checksum covers, in kenlm-test.arpa's model (orders 1 to 5). */
static const struct {
    unsigned bits, order;
    enum field field;
    uint64_t record, value;
    const char *says;
} lies[] = {
    {8, 2, WORD, 0, 63, "children out of order (order 1, record 0)"}, /* 37 words */
    {8, 2, WORD, 1, 1, "children out of order (order 1"},             /* its neighbour's word */
    {8, 1, CHILD, 0, 1, "children that do not begin at 0"},
    {8, 1, CHILD, 9, 63, "children outside the next order"},
    {8, 1, CHILD, 37, 46, "children without a parent (order 1, record 37)"},
    {8, 1, CHILD, 36, 0, "children outside the next order (order 1, record 35)"},
    {8, 3, LINK, 0, 85, "a link that does not shorten the context (order 3, record 0)"},
    {8, 4, LINK, 5, 127, "a link that does not shorten the context (order 4, record 5)"},
    {8, 1, PROBABILITY, 3, 15, "a probability outside the codebook (order 1, record 3)"},
    {8, 1, PROBABILITY, 3, 0, "a probability (order 1, record 3)"}, /* none */
    {8, 5, PROBABILITY, 0, 0, "a probability (order 5, record 0)"},
    {8, 1, BACKOFF, 3, 15, "a back-off weight outside the codebook (order 1, record 3)"},
    {32, 2, PROBABILITY, 7, 0x7f800000, "a probability (order 2, record 7)"}, /* infinite */
    {32, 2, BACKOFF, 7, 0x7fc00000, "a back-off weight (order 2, record 7)"}, /* NaN */
    {32, 2, BACKOFF, 7, 0x447a2000, "a back-off weight (order 2, record 7)"}, /* 1000.5 */
    {8, 1, OFFSET, 0, 1, "the first word's text is not at 0"},
    {8, 1, OFFSET, 5, 255, "a word's text is outside the texts (order 1, record 4)"},
    {8, 1, OFFSET, 5, 1, "a word's text is outside the texts (order 1, record 4)"},
    {8, 1, OFFSET, 36, 203, "does not end where its successor's begins (order 1, record 35)"},
    {8, 1, OFFSET, 37, 207, "does not end where its successor's begins (order 1, record 36)"},
    {8, 1, TEXT, 0, 'z', "words out of order (order 1, record 1)"},
    {8, 1, TEXT, 1, 'z', "does not end where its successor's begins (order 1, record 0)"},
};

static void tell_lie(uint8_t *image, int n)
{
    struct ngram_header header;
    struct ngram_layout layout;
    ck_assert_int_eq(ngram_header_read(&header, image, "image", NULL), ASR_OK);
    ck_assert_int_eq(ngram_layout_of(&header, &layout, NULL), ASR_OK);
    const struct ngram_fields *f = &layout.orders[lies[n].order - 1];
    const unsigned widths[] = {f->word_bits, f->child_bits, f->link_bits, f->backoff_bits,
                               f->probability_bits};
    uint64_t bit = 8 * f->records_at + lies[n].record * f->record_bits;
    unsigned width = layout.offset_bits;

    if (lies[n].field == OFFSET) {
        bit = 8 * layout.offsets_at + lies[n].record * width;
    } else if (lies[n].field == TEXT) {
        bit = 8 * (layout.text_at + lies[n].record);
        width = 8;
    } else {
        for (unsigned i = 0; i < lies[n].field; i++)
            bit += widths[i];
        width = widths[lies[n].field];
    }
    ck_assert_uint_le(lies[n].value, (UINT64_C(1) << width) - 1);
    set_bits(image, bit, width, lies[n].value);
}

START_TEST(each_lie_is_refused_with_its_place)
    {
        struct compiled c = compile_file("tests/data/ngram/kenlm-test.arpa", lies[_i].bits);
        struct asr_error err = {0};
        struct ngram *lm;
        tell_lie(c.image, _i);
        seal(c.image, c.n_bytes);
        ck_assert_int_eq(ngram_parse(&lm, c.image, c.n_bytes, "x.lm", &err), ASR_ERR_FORMAT);
        ck_assert_ptr_null(lm);
        ck_assert_msg(strstr(err.text, "x.lm: impossible contents: ") == err.text &&
                          strstr(err.text, lies[_i].says),
                      "wanted: %s\ngot: %s", lies[_i].says, err.text);
        compiled_free(&c);
    }
END_TEST

/* Little-endian bytes over the header, at offset `at` (model/FORMAT.md). */
static const struct {
    size_t at, n_bytes;
    uint64_t value;
    const char *says;
} header_lies[] = {
    {16, 8, 7, "damaged: "},
    {24, 4, 0, "order 0 is not in 1 to 6"},
    {24, 4, 7, "order 7 is not in 1 to 6"},
    {24, 4, 4, "codebooks of 6 and 3 values at order 4"}, /* the highest has no back-off weights */
    {24, 4, 6, "0 n-grams of order 6"},
    {28, 4, 2, "flags 00000002"},
    {32, 8, UINT64_MAX, "bytes of words"},
    {32, 8, 8, "its counts need"},
    {48, 8, 0, "0 n-grams of order 1"},
    {48, 8, UINT64_MAX, "18446744073709551615 n-grams of order 1"},
    {48, 8, 0xfffffff0, "4294967"}, /* n-grams below the highest order */
    {56, 8, 470, "its counts need"},
    {96, 4, 65537, "codebooks of 65537 and"},
    {116, 4, 1, "codebooks of 1 and 0 values at order 6"},
    {136, 4, 1, "1 values at order 5"}, /* the highest order backs off to nothing */
};

START_TEST(a_lying_header_is_refused)
    {
        struct compiled c = compile_file("tests/data/ngram/kenlm-test.arpa", 8);
        struct asr_error err = {0};
        struct ngram *lm;
        set_bits(c.image, 8 * header_lies[_i].at, (unsigned)(8 * header_lies[_i].n_bytes),
                 header_lies[_i].value);
        seal(c.image, c.n_bytes);
        ck_assert_int_eq(ngram_parse(&lm, c.image, c.n_bytes, "x.lm", &err), ASR_ERR_FORMAT);
        ck_assert_ptr_null(lm);
        ck_assert_msg(strstr(err.text, header_lies[_i].says), "wanted: %s\ngot: %s",
                      header_lies[_i].says, err.text);
        compiled_free(&c);
    }
END_TEST

START_TEST(every_allocation_of_the_compiler_may_fail)
    {
        enum asr_status st;
        long nth = 0;
        do {
            uint8_t *image;
            size_t n_bytes;
            struct asr_error err = {0};
            fail_alloc(nth++);
            st = ngram_build(&image, &n_bytes, "tests/data/ngram/kenlm-test.arpa",
                             &ngram_build_defaults, &err);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (image != NULL));
            ck_assert(st == ASR_OK || err.status == ASR_ERR_NOMEM);
            free(image);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_gt(nth, 30);
    }
END_TEST

START_TEST(every_allocation_of_the_reader_may_fail)
    {
        struct compiled c = compile(TINY_ARPA, 8);
        enum asr_status st;
        long nth = 0;
        do {
            struct ngram *lm;
            fail_alloc(nth++);
            st = ngram_parse(&lm, c.image, c.n_bytes, "x.lm", NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (lm != NULL));
            ngram_close(lm);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 3); /* the model and its codebooks */
        compiled_free(&c);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ngram_build");
    TCase *t = tcase_create("compiler");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_model_that_makes_no_sense_is_refused, 0, COUNT(bad_models));
    tcase_add_test(t, options_that_make_no_sense_are_refused);
    tcase_add_test(t, capital_unk_is_unk);
    tcase_add_test(t, orders_declared_empty_are_not_there);
    tcase_add_test(t, bits_are_as_asked_and_fewer_bits_make_smaller_files);
    tcase_add_test(t, compiling_twice_gives_the_same_bytes);
    tcase_add_test(t, progress_is_told);
    tcase_add_test(t, a_file_is_replaced_whole_or_not_at_all);
    tcase_add_test(t, every_allocation_of_the_compiler_may_fail);
    suite_add_tcase(s, t);
    t = tcase_create("damaged files");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_file_that_is_not_ours_is_refused_by_name);
    tcase_add_test(t, another_version_is_refused_by_number);
    tcase_add_test(t, a_file_cut_anywhere_is_refused);
    tcase_add_test(t, a_flipped_bit_is_noticed);
    tcase_add_loop_test(t, each_lie_is_refused_with_its_place, 0, COUNT(lies));
    tcase_add_loop_test(t, a_lying_header_is_refused, 0, COUNT(header_lies));
    tcase_add_loop_test(t, malice_is_refused_or_harmless, 0, 2);
    tcase_add_test(t, every_allocation_of_the_reader_may_fail);
    suite_add_tcase(s, t);
    return s;
}
