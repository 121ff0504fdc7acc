#include <math.h>
#include <string.h>

#include "proto/language.h"
#include "proto/transcription_response.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* The expected bodies are written by hand after OpenAI's documentation and the SubRip and WebVTT
 * rules; the compression ratios are Python's: len(b) / len(zlib.compress(b)). */

static struct word words[] = {
    {"hello", 0.1 + 0.2, 0.7, 0.9876543219},
    {"world", 0.75, 1.2, 1.0},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3661.0004, 3661.0006, 0.25},
};
static uint32_t tokens[] = {8, 5, 12, 27, 1};
static struct segment segments[] = {
    {"hello world", 0.3, 1.2, 0, 2, 0, 3, -0.123456789, 0.000002},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3661.0004, 3661.0003, 2, 1, 3, 2, -1, 0.5},
};
static float token_log_posteriors[] = {-0.25f, -0.0f, -1e-7f, -1.5f, -3};
static struct alternative alternatives[] = {
    {"hello world", -1.25, 3.5}, {"hello wor\"d", -2, -0.1234567}, {"", -INFINITY, 0}};
static char text[] = "hello world aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const struct transcript speech = {
    .text = text,
    .words = words,
    .n_words = COUNT(words),
    .segments = segments,
    .n_segments = COUNT(segments),
    .tokens = tokens,
    .n_tokens = COUNT(tokens),
    .token_log_posteriors = token_log_posteriors,
    .alternatives = alternatives,
    .n_alternatives = COUNT(alternatives),
    .duration_seconds = 3661.2504,
};
static char nothing[] = "";
static const struct transcript silence = {.text = nothing, .duration_seconds = 2.0};

/* Tokens by index as `speech` has them; 5 is the word separator. */
static char language[] = "en", no_text[] = "", blank[] = "<blank>", separator[] = "|", h[] = "h",
            e_acute[] = "\xC3\xA9", quote[] = "\"";
static char *token_texts[28] = {blank, quote};
static struct model_config config = {
    .language = language, .tokens = token_texts, .n_tokens = 28, .word_separator = 5};

static struct transcription_request req;
static struct buffer out;
static struct asr_error err;

static void setup(void)
{
    for (size_t i = 2; i < COUNT(token_texts); i++)
        token_texts[i] = no_text;
    token_texts[5] = separator;
    token_texts[8] = h;
    token_texts[27] = e_acute;
    transcription_request_init(&req);
    buffer_init(&out, 1 << 20);
}

static void teardown(void)
{
    buffer_free(&out);
    transcription_request_free(&req);
}

static enum asr_status render(const struct transcript *t, struct buffer *to)
{
    const struct transcription_answer answer = {.transcript = t, .config = &config};

    return transcription_render(&answer, &req, to, &err);
}

static const char *body(const struct transcript *t, enum response_format format)
{
    req.format = format;
    out.n_bytes = 0;
    ck_assert_int_eq(render(t, &out), ASR_OK);
    return out.bytes;
}

#define TEXT "hello world aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define USAGE "\"usage\":{\"type\":\"duration\",\"seconds\":3662}}"
#define HEAD                                                                                       \
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":3661.25,\"text\":\"" TEXT "\"" \
    ","
#define WORDS                                                                                      \
    "\"words\":[{\"word\":\"hello\",\"start\":0.3,\"end\":0.7,\"confidence\":0.987654},"           \
    "{\"word\":\"world\",\"start\":0.75,\"end\":1.2,\"confidence\":1},"                            \
    "{\"word\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"start\":3661,\"end\":3661.001,"      \
    "\"confidence\":0.25}],"
#define SEGMENTS                                                                                   \
    "\"segments\":[{\"id\":0,\"seek\":0,\"start\":0.3,\"end\":1.2,\"text\":\" hello world\","      \
    "\"tokens\":[8,5,12],\"temperature\":0,\"avg_logprob\":-0.123457,"                             \
    "\"compression_ratio\":0.6,\"no_speech_prob\":0.000002},"                                      \
    "{\"id\":1,\"seek\":0,\"start\":3661,\"end\":3661,"                                            \
    "\"text\":\" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"tokens\":[27,1],"                    \
    "\"temperature\":0,\"avg_logprob\":-1,\"compression_ratio\":3.416667,"                         \
    "\"no_speech_prob\":0.5}],"

START_TEST(json_is_the_text_and_the_begun_seconds)
    {
        ck_assert_str_eq(body(&speech, RESPONSE_JSON), "{\"text\":\"" TEXT "\"," USAGE);
        ck_assert_str_eq(body(&silence, RESPONSE_JSON),
                         "{\"text\":\"\",\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
    }
END_TEST

START_TEST(text_is_one_line)
    {
        ck_assert_str_eq(body(&speech, RESPONSE_TEXT), TEXT "\n");
        ck_assert_str_eq(body(&silence, RESPONSE_TEXT), "\n");
    }
END_TEST

START_TEST(verbose_json_has_segments_unless_only_words_were_asked_for)
    {
        ck_assert_str_eq(body(&speech, RESPONSE_VERBOSE_JSON), HEAD SEGMENTS USAGE);
        req.segment_times = true;
        ck_assert_str_eq(body(&speech, RESPONSE_VERBOSE_JSON), HEAD SEGMENTS USAGE);
        req.word_times = true;
        ck_assert_str_eq(body(&speech, RESPONSE_VERBOSE_JSON), HEAD WORDS SEGMENTS USAGE);
        req.segment_times = false;
        ck_assert_str_eq(body(&speech, RESPONSE_VERBOSE_JSON), HEAD WORDS USAGE);
    }
END_TEST

START_TEST(verbose_json_of_silence_has_empty_lists)
    {
        req.word_times = req.segment_times = true;
        ck_assert_str_eq(body(&silence, RESPONSE_VERBOSE_JSON),
                         "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":2,"
                         "\"text\":\"\",\"words\":[],\"segments\":[],"
                         "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
    }
END_TEST

#define ALTERNATIVES                                                                               \
    "\"alternatives\":[{\"text\":\"hello world\",\"acoustic_score\":-1.25,"                        \
    "\"language_score\":3.5},{\"text\":\"hello wor\\\"d\",\"acoustic_score\":-2,"                  \
    "\"language_score\":-0.123457},{\"text\":\"\",\"acoustic_score\":null,\"language_score\":0}],"

START_TEST(log_probabilities_have_openais_shape)
    {
        req.logprobs = true;
        ck_assert_str_eq(body(&speech, RESPONSE_JSON),
                         "{\"text\":\"" TEXT "\",\"logprobs\":["
                         "{\"token\":\"h\",\"logprob\":-0.25,\"bytes\":[104]},"
                         "{\"token\":\" \",\"logprob\":0,\"bytes\":[32]},"
                         "{\"token\":\"\",\"logprob\":0,\"bytes\":[]},"
                         "{\"token\":\"\xC3\xA9\",\"logprob\":-1.5,\"bytes\":[195,169]},"
                         "{\"token\":\"\\\"\",\"logprob\":-3,\"bytes\":[34]}]," USAGE);
        ck_assert_str_eq(body(&silence, RESPONSE_JSON),
                         "{\"text\":\"\",\"logprobs\":[],"
                         "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
    }
END_TEST

START_TEST(alternatives_come_with_both_scores)
    {
        req.n_alternatives = 3;
        ck_assert_str_eq(body(&speech, RESPONSE_JSON),
                         "{\"text\":\"" TEXT "\"," ALTERNATIVES USAGE);
        ck_assert_str_eq(body(&speech, RESPONSE_VERBOSE_JSON), HEAD SEGMENTS ALTERNATIVES USAGE);
    }
END_TEST

START_TEST(phrases_that_cannot_be_used_are_listed_with_the_reason)
    {
        struct api_error e;
        struct phrases *phrases;

        ck_assert_int_eq(phrase_list_add(&req.phrases, "phrases", "hhh", 3, 1, &e), API_OK);
        ck_assert_int_eq(phrases_new(&phrases, &config, req.phrases.phrases, 1, &err), ASR_OK);
        struct transcription_answer answer = {
            .transcript = &silence, .config = &config, .phrases = phrases};
        ck_assert_int_eq(transcription_render(&answer, &req, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes,
                         "{\"text\":\"\",\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
        phrases_free(phrases);

        ck_assert_int_eq(phrase_list_add(&req.phrases, "phrases", "h 7", 3, 1, &e), API_OK);
        ck_assert_int_eq(phrase_list_add(&req.phrases, "phrases", " ", 1, 1, &e), API_OK);
        ck_assert_int_eq(phrases_new(&phrases, &config, req.phrases.phrases, 3, &err), ASR_OK);
        answer.phrases = phrases;
        out.n_bytes = 0;
        ck_assert_int_eq(transcription_render(&answer, &req, &out, &err), ASR_OK);
        ck_assert_str_eq(
            out.bytes,
            "{\"text\":\"\",\"unusable_phrases\":["
            "{\"phrase\":\"h 7\",\"reason\":\"the model does not have the character '7'\"},"
            "{\"phrase\":\" \",\"reason\":\"there is no word in the text\"}],"
            "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
        phrases_free(phrases);
    }
END_TEST

START_TEST(keeping_says_under_which_id_or_that_there_was_no_room)
    {
        struct transcription_answer answer = {
            .transcript = &silence, .config = &config, .kept_id = "req-1", .kept_seconds = 600};

        req.keep = true;
        ck_assert_int_eq(transcription_render(&answer, &req, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes, "{\"text\":\"\",\"kept\":{\"id\":\"req-1\",\"seconds\":600},"
                                    "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
        ck_assert_str_eq(body(&silence, RESPONSE_JSON),
                         "{\"text\":\"\",\"kept\":null,"
                         "\"usage\":{\"type\":\"duration\",\"seconds\":2}}");
    }
END_TEST

START_TEST(srt_has_numbered_cues)
    {
        ck_assert_str_eq(body(&speech, RESPONSE_SRT),
                         "1\n00:00:00,300 --> 00:00:01,200\nhello world\n\n"
                         "2\n01:01:01,000 --> 01:01:01,001\n"
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n");
        ck_assert_str_eq(body(&silence, RESPONSE_SRT), "");
    }
END_TEST

START_TEST(vtt_cues_never_end_before_they_start)
    {
        ck_assert_str_eq(body(&speech, RESPONSE_VTT),
                         "WEBVTT\n\n00:00:00.300 --> 00:00:01.200\nhello world\n\n"
                         "01:01:01.000 --> 01:01:01.001\n"
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n");
        ck_assert_str_eq(body(&silence, RESPONSE_VTT), "WEBVTT\n\n");
    }
END_TEST

static struct transcript with_cue(struct segment *segment)
{
    return (struct transcript){.text = nothing,
                               .segments = segment,
                               .n_segments = 1,
                               .duration_seconds = segment->end_seconds};
}

START_TEST(cue_text_cannot_end_its_cue_or_be_markup)
    {
        struct segment segment = {.text = "<b>a&b</b> --> \r\n\nc", .end_seconds = 1};
        const struct transcript t = with_cue(&segment);

        ck_assert_str_eq(body(&t, RESPONSE_VTT), "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
                                                 "&lt;b&gt;a&amp;b&lt;/b&gt; --&gt;    c\n\n");
        ck_assert_str_eq(body(&t, RESPONSE_SRT), "1\n00:00:00,000 --> 00:00:01,000\n"
                                                 "<b>a&b</b> -->    c\n\n");
    }
END_TEST

static const struct {
    double seconds;
    const char *start;
} times[] = {
    {0, "00:00:00,000"},       {0.0004, "00:00:00,000"},    {0.0006, "00:00:00,001"},
    {59.9996, "00:01:00,000"}, {3599.9996, "01:00:00,000"}, {86399.999, "23:59:59,999"},
    {360000, "100:00:00,000"},
};

START_TEST(times_round_to_the_millisecond_with_carry)
    {
        struct segment segment = {
            .text = "", .start_seconds = times[_i].seconds, .end_seconds = times[_i].seconds + 1};
        const struct transcript t = with_cue(&segment);
        const char *start = body(&t, RESPONSE_SRT) + 2;

        ck_assert_int_eq(strncmp(start, times[_i].start, strlen(times[_i].start)), 0);
        ck_assert_int_eq(start[strlen(times[_i].start)], ' ');
    }
END_TEST

/* A caller (channel 0) and an agent, who says two segments in one turn. */
static struct word caller_words[] = {{"hello", 1, 1.5, 0.5}, {"yes", 6, 6.25, 1}};
static struct segment caller_segments[] = {{"hello", 1, 1.5, 0, 1, 0, 0, -1, 0},
                                           {"yes", 6, 6.25, 1, 1, 0, 0, -1, 0}};
static struct word agent_words[] = {{"a", 2, 2.5, 1}, {"<b>", 4, 6.125, 1}};
static struct segment agent_segments[] = {{"a", 2, 2.5, 0, 1, 0, 0, -1, 0},
                                          {"<b>", 4, 6.125, 1, 1, 0, 0, -1, 0}};
static char caller_text[] = "hello yes", agent_text[] = "a <b>";
static const struct transcript caller = {.text = caller_text,
                                         .words = caller_words,
                                         .n_words = 2,
                                         .segments = caller_segments,
                                         .n_segments = 2,
                                         .duration_seconds = 10};
static const struct transcript agent = {.text = agent_text,
                                        .words = agent_words,
                                        .n_words = 2,
                                        .segments = agent_segments,
                                        .n_segments = 2,
                                        .duration_seconds = 10};

#define PARTIES                                                                                    \
    "\"text\":\"hello\\na <b>\\nyes\",\"channels\":["                                              \
    "{\"channel\":0,\"text\":\"hello yes\",\"talk_seconds\":0.75},"                                \
    "{\"channel\":1,\"text\":\"a <b>\",\"talk_seconds\":2.625}],"                                  \
    "\"overlap_seconds\":0.125,\"silence_seconds\":6.75,\"dual_mono\":false,"
#define CALL_USAGE "\"usage\":{\"type\":\"duration\",\"seconds\":10}}"

static const struct {
    enum response_format format;
    const char *body;
} call_bodies[] = {
    {RESPONSE_JSON, "{" PARTIES CALL_USAGE},
    {RESPONSE_TEXT, "Channel 0: hello\nChannel 1: a <b>\nChannel 0: yes\n"},
    {RESPONSE_SRT, "1\n00:00:01,000 --> 00:00:01,500\nChannel 0: hello\n\n"
                   "2\n00:00:02,000 --> 00:00:02,500\nChannel 1: a\n\n"
                   "3\n00:00:04,000 --> 00:00:06,125\nChannel 1: <b>\n\n"
                   "4\n00:00:06,000 --> 00:00:06,250\nChannel 0: yes\n\n"},
    {RESPONSE_VTT, "WEBVTT\n\n"
                   "00:00:01.000 --> 00:00:01.500\n<v Channel 0>hello\n\n"
                   "00:00:02.000 --> 00:00:02.500\n<v Channel 1>a\n\n"
                   "00:00:04.000 --> 00:00:06.125\n<v Channel 1>&lt;b&gt;\n\n"
                   "00:00:06.000 --> 00:00:06.250\n<v Channel 0>yes\n\n"},
    {RESPONSE_VERBOSE_JSON,
     "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":10," PARTIES "\"words\":["
     "{\"word\":\"hello\",\"start\":1,\"end\":1.5,\"confidence\":0.5,\"channel\":0},"
     "{\"word\":\"a\",\"start\":2,\"end\":2.5,\"confidence\":1,\"channel\":1},"
     "{\"word\":\"<b>\",\"start\":4,\"end\":6.125,\"confidence\":1,\"channel\":1},"
     "{\"word\":\"yes\",\"start\":6,\"end\":6.25,\"confidence\":1,\"channel\":0}]," CALL_USAGE},
};

START_TEST(a_call_has_its_turns_and_says_who_talks)
    {
        const struct transcript *transcripts[] = {&caller, &agent};
        struct conversation *call;
        ck_assert_int_eq(conversation_new(&call, transcripts, 2, NULL), ASR_OK);
        struct transcription_answer answer = {.conversation = call, .config = &config};
        req.format = call_bodies[_i].format;
        req.word_times = req.format == RESPONSE_VERBOSE_JSON;
        ck_assert_int_eq(transcription_render(&answer, &req, &out, &err), ASR_OK);
        ck_assert_str_eq(out.bytes, call_bodies[_i].body);
        conversation_free(call);
    }
END_TEST

START_TEST(segments_of_a_call_have_their_channel)
    {
        const struct transcript *transcripts[] = {&caller, &agent};
        struct conversation *call;
        ck_assert_int_eq(conversation_new(&call, transcripts, 2, NULL), ASR_OK);
        struct transcription_answer answer = {
            .conversation = call, .config = &config, .dual_mono = true};
        req.format = RESPONSE_VERBOSE_JSON;
        ck_assert_int_eq(transcription_render(&answer, &req, &out, &err), ASR_OK);
        ck_assert_ptr_nonnull(strstr(out.bytes, "\"dual_mono\":true"));
        const char *second = strstr(out.bytes, "{\"id\":1,");
        ck_assert_ptr_nonnull(second);
        ck_assert_ptr_nonnull(strstr(second, "\"no_speech_prob\":0,\"channel\":1},{\"id\":2,"));
        conversation_free(call);
    }
END_TEST

START_TEST(content_types_are_static_and_apart)
    {
        ck_assert_str_eq(transcription_content_type(RESPONSE_JSON), "application/json");
        ck_assert_str_eq(transcription_content_type(RESPONSE_VERBOSE_JSON), "application/json");
        ck_assert_str_eq(transcription_content_type(RESPONSE_TEXT), "text/plain; charset=utf-8");
        ck_assert_str_eq(transcription_content_type(RESPONSE_SRT),
                         "application/x-subrip; charset=utf-8");
        ck_assert_str_eq(transcription_content_type(RESPONSE_VTT), "text/vtt; charset=utf-8");
    }
END_TEST

START_TEST(a_body_over_the_limit_leaves_nothing_behind)
    {
        req.word_times = req.segment_times = req.logprobs = true;
        req.n_alternatives = 3;
        for (int format = RESPONSE_JSON; format <= RESPONSE_VTT; format++) {
            size_t n_bytes = strlen(body(&speech, (enum response_format)format));
            for (size_t limit = 0; limit <= n_bytes; limit++) {
                struct buffer small;
                buffer_init(&small, 1 + limit);
                buffer_append(&small, "x", 1, &err);
                enum asr_status st = render(&speech, &small);
                ck_assert_int_eq(st, limit < n_bytes ? ASR_ERR_LIMIT : ASR_OK);
                ck_assert_uint_eq(small.n_bytes, st == ASR_OK ? 1 + n_bytes : 1);
                ck_assert_uint_eq(strlen(small.bytes), small.n_bytes);
                buffer_free(&small);
            }
        }
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        req.format = RESPONSE_VERBOSE_JSON;
        req.word_times = req.segment_times = true;
        do {
            buffer_free(&out);
            fail_alloc(nth++);
            st = render(&speech, &out);
            fail_alloc(-1);
            ck_assert(st == ASR_OK || st == ASR_ERR_NOMEM);
            ck_assert(st == ASR_OK || out.n_bytes == 0);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_ge(nth, 5); /* the body (grown twice), a segment's text, two compressions */
        ck_assert_str_eq(out.bytes, HEAD WORDS SEGMENTS USAGE);
    }
END_TEST

START_TEST(languages_have_the_names_that_whisper_gives_them)
    {
        ck_assert_str_eq(language_name("en"), "english");
        ck_assert_str_eq(language_name("de"), "german");
        ck_assert_str_eq(language_name("af"), "afrikaans"); /* first and last of the table */
        ck_assert_str_eq(language_name("zh"), "chinese");
        ck_assert_str_eq(language_name("tlh"), "tlh");
        ck_assert(language_matches("DE-at", "de"));
        ck_assert(language_matches("German", "de"));
        ck_assert(language_matches("tlh", "tlh"));
        ck_assert(!language_matches("d", "de"));
        ck_assert(!language_matches("den", "de"));
        ck_assert(!language_matches("en", "de"));
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("transcription_response");
    TCase *c = tcase_create("transcription_response");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, json_is_the_text_and_the_begun_seconds);
    tcase_add_test(c, text_is_one_line);
    tcase_add_test(c, verbose_json_has_segments_unless_only_words_were_asked_for);
    tcase_add_test(c, verbose_json_of_silence_has_empty_lists);
    tcase_add_test(c, log_probabilities_have_openais_shape);
    tcase_add_test(c, alternatives_come_with_both_scores);
    tcase_add_test(c, phrases_that_cannot_be_used_are_listed_with_the_reason);
    tcase_add_test(c, keeping_says_under_which_id_or_that_there_was_no_room);
    tcase_add_test(c, srt_has_numbered_cues);
    tcase_add_test(c, vtt_cues_never_end_before_they_start);
    tcase_add_test(c, cue_text_cannot_end_its_cue_or_be_markup);
    tcase_add_loop_test(c, times_round_to_the_millisecond_with_carry, 0, COUNT(times));
    tcase_add_loop_test(c, a_call_has_its_turns_and_says_who_talks, 0, COUNT(call_bodies));
    tcase_add_test(c, segments_of_a_call_have_their_channel);
    tcase_add_test(c, content_types_are_static_and_apart);
    tcase_add_test(c, a_body_over_the_limit_leaves_nothing_behind);
    tcase_add_test(c, every_allocation_may_fail);
    tcase_add_test(c, languages_have_the_names_that_whisper_gives_them);
    suite_add_tcase(s, c);
    return s;
}
