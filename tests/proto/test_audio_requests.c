/* The fields that alignments and searches have of their own, and that they share the others;
 * transcriptions have test_transcription_request.c. */
#include <string.h>

#include "proto/alignment_request.h"
#include "proto/search_request.h"
#include "tests/support/suite.h"

static const struct served served = {"en-v1", "", "en", false, true};
static struct alignment_request alignment;
static struct search_request search;
static struct api_error e;

static void setup(void)
{
    memset(&alignment, 0x5A, sizeof(alignment));
    memset(&search, 0x5A, sizeof(search));
    audio_request_init(&alignment.audio, &alignment_requests);
    audio_request_init(&search.audio, &search_requests);
}

static void teardown(void)
{
    audio_request_release(&alignment.audio);
    audio_request_release(&search.audio);
}

static enum api_error_code give(struct audio_request *req, const char *name, const char *value)
{
    return audio_request_field(req, name, value, strlen(value), &e);
}

START_TEST(a_recording_s_fields_are_those_of_transcriptions)
    {
        struct audio_request *both[] = {&alignment.audio, &search.audio};
        struct audio_request *req = both[_i];

        ck_assert_int_eq(give(req, "model", "en-v1"), API_OK);
        ck_assert_int_eq(give(req, "channel", "1"), API_OK);
        ck_assert_int_eq(give(req, "encoding", "mulaw"), API_OK);
        ck_assert_int_eq(give(req, "sample_rate", "8000"), API_OK);
        ck_assert_int_eq(give(req, "channels", "2"), API_OK);
        ck_assert_int_eq(give(req, "response_format", "nonsense"), API_OK); /* not theirs */
        ck_assert_int_eq(give(req, "model", "en-v1"), API_INVALID_REQUEST);
        ck_assert_str_eq(req->model, "en-v1");
        ck_assert_int_eq(req->channel, 1);
        ck_assert_int_eq(req->raw.encoding, RAW_MULAW);
        ck_assert_uint_eq(req->raw.rate_hz, 8000);
        ck_assert_uint_eq(req->raw.channels, 2);
    }
END_TEST

START_TEST(priority_is_live_unless_it_says_bulk)
    {
        ck_assert(!search.audio.bulk);
        ck_assert_int_eq(give(&search.audio, "priority", "live"), API_OK);
        ck_assert(!search.audio.bulk);
        ck_assert_int_eq(give(&alignment.audio, "priority", "bulk"), API_OK);
        ck_assert(alignment.audio.bulk);
        audio_request_init(&alignment.audio, &alignment_requests);
        ck_assert_int_eq(give(&alignment.audio, "priority", "high"), API_INVALID_VALUE);
        ck_assert_str_eq(e.param, "priority");
        ck_assert_str_eq(e.message,
                         "Invalid value: 'high'. Supported values are: 'live' and 'bulk'.");
    }
END_TEST

START_TEST(an_alignment_needs_its_text)
    {
        ck_assert_int_eq(give(&alignment.audio, "model", "en-v1"), API_OK);
        ck_assert_int_eq(give(&alignment.audio, "text", ""), API_OK);
        ck_assert_int_eq(audio_request_finish(&alignment.audio, true, &served, &e),
                         API_MISSING_PARAMETER);
        ck_assert_str_eq(e.param, "text");
        audio_request_init(&alignment.audio, &alignment_requests);
        ck_assert_int_eq(give(&alignment.audio, "model", "en-v1"), API_OK);
        ck_assert_int_eq(give(&alignment.audio, "text", "Hello, 7"), API_OK);
        ck_assert_int_eq(audio_request_finish(&alignment.audio, true, &served, &e), API_OK);
        ck_assert_str_eq(alignment.text, "Hello, 7");
        ck_assert_int_eq(give(&alignment.audio, "text", "again"), API_INVALID_REQUEST);
        ck_assert_str_eq(alignment.text, "Hello, 7");
    }
END_TEST

START_TEST(a_text_may_be_long_but_not_endless)
    {
        static char text[ALIGNMENT_MAX_TEXT_BYTES + 2];

        memset(text, 'a', sizeof(text) - 1);
        ck_assert_int_eq(give(&alignment.audio, "text", text), API_INVALID_VALUE);
        ck_assert_str_eq(e.message, "text is 262145 bytes long, more than 262144");
        audio_request_init(&alignment.audio, &alignment_requests);
        text[ALIGNMENT_MAX_TEXT_BYTES] = 0;
        ck_assert_int_eq(give(&alignment.audio, "text", text), API_OK);
        ck_assert_uint_eq(strlen(alignment.text), ALIGNMENT_MAX_TEXT_BYTES);
    }
END_TEST

START_TEST(phrases_are_kept_in_order_whatever_the_list_is_called)
    {
        ck_assert_int_eq(give(&search.audio, "model", "en-v1"), API_OK);
        ck_assert_int_eq(audio_request_finish(&search.audio, true, &served, &e),
                         API_MISSING_PARAMETER);
        ck_assert_str_eq(e.param, "phrases[]");
        ck_assert_int_eq(give(&search.audio, "phrases[]", "one two"), API_OK);
        ck_assert_int_eq(give(&search.audio, "phrases", "3"), API_OK);
        ck_assert_int_eq(give(&search.audio, "phrases[7]", "one two"), API_OK);
        ck_assert_int_eq(audio_request_finish(&search.audio, true, &served, &e), API_OK);
        ck_assert_uint_eq(search.phrases.n_phrases, 3);
        ck_assert_str_eq(search.phrases.phrases[0].text, "one two");
        ck_assert_str_eq(search.phrases.phrases[1].text, "3");
        ck_assert_str_eq(search.phrases.phrases[2].text, "one two");
    }
END_TEST

START_TEST(phrases_are_bounded_in_number_and_length)
    {
        char text[PHRASE_MAX_BYTES + 2];

        memset(text, 'a', sizeof(text));
        text[PHRASE_MAX_BYTES + 1] = 0;
        ck_assert_int_eq(give(&search.audio, "phrases[]", text), API_INVALID_VALUE);
        text[PHRASE_MAX_BYTES] = 0;
        for (int i = 0; i < PHRASES_MAX; i++)
            ck_assert_int_eq(give(&search.audio, "phrases[]", text), API_OK);
        ck_assert_int_eq(give(&search.audio, "phrases[]", "a"), API_INVALID_VALUE);
        ck_assert_str_eq(e.message, "phrases[]: more than 1000 phrases in one request");
    }
END_TEST

START_TEST(separate_channels_are_for_transcriptions)
    {
        ck_assert_int_eq(give(&search.audio, "model", "en-v1"), API_OK);
        ck_assert_int_eq(give(&search.audio, "phrases[]", "a"), API_OK);
        ck_assert_int_eq(give(&search.audio, "channels", "separate"), API_OK);
        ck_assert_int_eq(audio_request_finish(&search.audio, true, &served, &e),
                         API_UNSUPPORTED_PARAMETER);
        ck_assert_str_eq(e.param, "channels");
    }
END_TEST

static const struct {
    const char *value;
    double score; /* -1: refused */
} scores[] = {{"0", 0},    {"1", 1},     {"0.25", 0.25}, {"", SEARCH_MIN_SCORE},
              {"1.1", -1}, {"-0.1", -1}, {"half", -1},   {"nan", -1},
              {"0x1", -1}};

START_TEST(min_score_is_a_score_and_0_is_one)
    {
        enum api_error_code code = give(&search.audio, "min_score", scores[_i].value);

        ck_assert_int_eq(code, scores[_i].score < 0 ? API_INVALID_VALUE : API_OK);
        if (code == API_OK)
            ck_assert_double_eq(search.min_score, scores[_i].score);
        else
            ck_assert_str_eq(e.param, "min_score");
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("audio_requests");
    TCase *tc = tcase_create("fields");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_recording_s_fields_are_those_of_transcriptions, 0, 2);
    tcase_add_test(tc, priority_is_live_unless_it_says_bulk);
    tcase_add_test(tc, separate_channels_are_for_transcriptions);
    tcase_add_test(tc, an_alignment_needs_its_text);
    tcase_add_test(tc, a_text_may_be_long_but_not_endless);
    tcase_add_test(tc, phrases_are_kept_in_order_whatever_the_list_is_called);
    tcase_add_test(tc, phrases_are_bounded_in_number_and_length);
    tcase_add_loop_test(tc, min_score_is_a_score_and_0_is_one, 0, COUNT(scores));
    suite_add_tcase(s, tc);
    return s;
}
