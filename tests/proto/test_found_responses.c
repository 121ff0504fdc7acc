/* The answers of alignments and searches. The expected bodies are written by hand after
 * proto/openapi.yaml. */
#include <string.h>

#include "proto/alignment_response.h"
#include "proto/search_response.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static struct buffer out;

static void setup(void)
{
    buffer_init(&out, 1 << 20);
}

static void teardown(void)
{
    buffer_free(&out);
}

/* "Ah" and "o": capitals, quotes and blanks around them; labels "ah", separator, "o". */
static const char text[] = " \"Ah\", \xC3\x96!";
static struct label_span spans[] = {{2, 3}, {3, 4}, {4, 7}, {7, 9}};
static uint32_t tokens[] = {2, 3, 1, 4};
static const struct labels labels = {tokens, spans, COUNT(tokens)};
static struct aligned aligned[] = {
    {0.3, 0.36, 0.5}, {0.36, 0.4200001, 1}, {0.42, 0.45, 0.1}, {0.9, 0.93, 0.25}};
static struct aligned_word words[] = {{{0.3, 0.42, 0.70710678}, 0, 2}, {{0.9, 0.93, 0.25}, 3, 1}};
static const struct alignment alignment = {aligned, COUNT(aligned), words, COUNT(words), -1.5, 1.1};

START_TEST(an_alignment_is_spelled_as_the_user_did)
    {
        struct asr_error err;

        ck_assert_int_eq(alignment_render(&alignment, text, &labels, &out, &err), ASR_OK);
        ck_assert_str_eq(
            out.bytes,
            "{\"duration\":1.1,\"log_probability\":-1.5,\"words\":["
            "{\"word\":\"Ah\",\"start\":0.3,\"end\":0.42,\"score\":0.707107,\"characters\":["
            "{\"character\":\"A\",\"start\":0.3,\"end\":0.36,\"score\":0.5},"
            "{\"character\":\"h\",\"start\":0.36,\"end\":0.42,\"score\":1}]},"
            "{\"word\":\"\xC3\x96\",\"start\":0.9,\"end\":0.93,\"score\":0.25,\"characters\":["
            "{\"character\":\"\xC3\x96\",\"start\":0.9,\"end\":0.93,\"score\":0.25}]}],"
            "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
    }
END_TEST

static char seed[] = "seed", quoted[] = "\"7\"";
static struct phrase phrases[] = {{quoted, 1}, {seed, 1}};
static const struct search_request request = {.phrases = {.phrases = phrases, .n_phrases = 2},
                                              .min_score = 0.3};
static struct phrase_hit found[] = {{1, 0.5, 0.75, 0.9}, {1, 2, 2.25, 1}};
static struct phrase_problem problems[] = {{0, {ASR_ERR_UNSUPPORTED, "no '7'"}}};
static const struct phrase_hits hits = {found, 2, 2, problems, 1}, none = {0};

START_TEST(a_search_lists_hits_and_what_cannot_be_used)
    {
        struct asr_error err;

        ck_assert_int_eq(search_render(&hits, &request, 3, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "{\"duration\":3,\"min_score\":0.3,\"hits\":["
                         "{\"phrase\":\"seed\",\"start\":0.5,\"end\":0.75,\"score\":0.9},"
                         "{\"phrase\":\"seed\",\"start\":2,\"end\":2.25,\"score\":1}],"
                         "\"unusable\":[{\"phrase\":\"\\\"7\\\"\",\"reason\":\"no '7'\"}],"
                         "\"usage\":{\"type\":\"duration\",\"seconds\":3}}");
        out.n_bytes = 0;
        ck_assert_int_eq(search_render(&none, &request, 3, &out, &err), ASR_OK);
        ck_assert_ptr_nonnull(strstr(out.bytes, "\"hits\":[],\"unusable\":[]"));
    }
END_TEST

START_TEST(an_answer_over_the_limit_leaves_nothing)
    {
        struct asr_error err;

        out.max_bytes = 100;
        ck_assert_int_eq(search_render(&hits, &request, 3, &out, &err), ASR_ERR_LIMIT);
        ck_assert_uint_eq(out.n_bytes, 0);
        ck_assert_int_eq(alignment_render(&alignment, text, &labels, &out, &err), ASR_ERR_LIMIT);
        ck_assert_uint_eq(out.n_bytes, 0);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            buffer_free(&out);
            fail_alloc(nth++);
            st = alignment_render(&alignment, text, &labels, &out, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (out.n_bytes > 0));
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_gt(nth, 1);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("found_responses");
    TCase *tc = tcase_create("bodies");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_alignment_is_spelled_as_the_user_did);
    tcase_add_test(tc, a_search_lists_hits_and_what_cannot_be_used);
    tcase_add_test(tc, an_answer_over_the_limit_leaves_nothing);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
