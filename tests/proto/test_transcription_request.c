#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audio/front_end.h"
#include "proto/transcription_request.h"
#include "proto/utf8.h"
#include "tests/support/suite.h"

static const struct served served = {"en-v1", "whisper-1,en", "en", false, true};
static const struct served without_alias = {"en-v1", "", "en", false, true};
static struct transcription_request req;
static struct api_error e;

static void setup(void)
{
    memset(&req, 0x5A, sizeof(req));
    transcription_request_init(&req);
    memset(&e, 0, sizeof(e));
}

static void teardown(void)
{
    transcription_request_free(&req);
}

/* Another request. */
static void again(void)
{
    teardown();
    transcription_request_init(&req);
}

static enum api_error_code give(const char *name, const char *value)
{
    return audio_request_field(&req.audio, name, value, strlen(value), &e);
}

static enum api_error_code finish(void)
{
    return audio_request_finish(&req.audio, true, &served, &e);
}

/* Fields of one request, given in turn and then finished; up to the first that fails. */
struct given {
    const char *name, *value;
};

static enum api_error_code give_all(const struct given *fields)
{
    enum api_error_code code = API_OK;

    while (code == API_OK && fields->name) {
        code = give(fields->name, fields->value);
        fields++;
    }
    return code == API_OK ? finish() : code;
}

START_TEST(only_a_model_and_a_file_are_needed)
    {
        ck_assert_int_eq(give("model", "en-v1"), API_OK);
        ck_assert_int_eq(finish(), API_OK);
        ck_assert_str_eq(req.audio.model, "en-v1");
        ck_assert_str_eq(req.audio.language, "");
        ck_assert_int_eq(req.format, RESPONSE_JSON);
        ck_assert_int_eq(req.audio.channel, CHANNEL_MIX);
        ck_assert_int_eq(req.audio.raw.encoding, RAW_NONE);
        ck_assert(!req.word_times && !req.segment_times);
        ck_assert_uint_eq(req.phrases.n_phrases, 0);
        ck_assert_uint_eq(req.n_alternatives, 0);
        ck_assert(isnan(req.alpha) && isnan(req.beta) && !req.logprobs);
    }
END_TEST

static const struct {
    struct given fields[4];
    bool separate;
    unsigned raw_channels;
} channel_fields[] = {
    {{{"channels", "separate"}}, true, 0},
    {{{"multichannel", "true"}}, true, 0},
    {{{"multichannel", "false"}}, false, 0},
    {{{"multichannel", "false"}, {"channels", "separate"}}, true, 0},
    {{{"channels", "separate"}, {"multichannel", "false"}}, true, 0},
    {{{"channels", "separate"}, {"channel", "mix"}}, true, 0},
    {{{"encoding", "s16le"}, {"sample_rate", "8000"}, {"channels", "2"}, {"multichannel", "true"}},
     true,
     2},
};

START_TEST(channels_may_be_asked_for_each_by_itself)
    {
        ck_assert_int_eq(give("model", "en-v1"), API_OK);
        for (size_t i = 0; i < 4 && channel_fields[_i].fields[i].name; i++)
            ck_assert_int_eq(
                give(channel_fields[_i].fields[i].name, channel_fields[_i].fields[i].value),
                API_OK);
        ck_assert_int_eq(finish(), API_OK);
        ck_assert_int_eq(req.audio.separate, channel_fields[_i].separate);
        ck_assert_uint_eq(req.audio.raw.channels, channel_fields[_i].raw_channels);
    }
END_TEST

START_TEST(every_field_lands_where_it_belongs)
    {
        static const struct given all[] = {
            {"model", "whisper-1"},
            {"language", "en-GB"},
            {"languages[]", "de"},
            {"languages[]", "English"},
            {"response_format", "verbose_json"},
            {"temperature", "0.25"},
            {"timestamp_granularities[]", "word"},
            {"channel", "1"},
            {"encoding", "mulaw"},
            {"sample_rate", "8000"},
            {"channels", "2"},
            {"prompt", "Hello"},
            {"stream", "false"},
            {"keywords[]", "Ann Lee"},
            {"keyterm", "Bo"},
            {"phrases", "[\"Cy\",{\"phrase\":\"Di\",\"weight\":7}]"},
            {"keyterm", "Ed:2"},
            {"alternatives", "20"},
            {"alpha", "0.75"},
            {"beta", "-1.5"},
            {"keep", "true"},
            {NULL, NULL},
        };
        ck_assert_msg(give_all(all) == API_OK, "%s", e.message);
        ck_assert_str_eq(req.audio.model, "whisper-1");
        ck_assert_str_eq(req.audio.language, "en-GB");
        ck_assert_str_eq(req.languages, "de,English");
        ck_assert_int_eq(req.format, RESPONSE_VERBOSE_JSON);
        ck_assert_double_eq(req.temperature, 0.25);
        ck_assert(req.word_times && !req.segment_times);
        ck_assert_int_eq(req.audio.channel, 1);
        ck_assert_int_eq(req.audio.raw.encoding, RAW_MULAW);
        ck_assert_uint_eq(req.audio.raw.rate_hz, 8000);
        ck_assert_uint_eq(req.audio.raw.channels, 2);
        static const char *const phrases[] = {"Ann Lee", "Bo", "Cy", "Di", "Ed:2"};
        ck_assert_uint_eq(req.phrases.n_phrases, COUNT(phrases));
        for (size_t i = 0; i < COUNT(phrases); i++) {
            ck_assert_str_eq(req.phrases.phrases[i].text, phrases[i]);
            ck_assert_double_eq(req.phrases.phrases[i].weight, i == 3 ? 7 : PHRASE_DEFAULT_WEIGHT);
        }
        ck_assert_uint_eq(req.n_alternatives, 20);
        ck_assert_double_eq(req.alpha, 0.75);
        ck_assert_double_eq(req.beta, -1.5);
        ck_assert(req.keep);
    }
END_TEST

START_TEST(log_probabilities_come_with_json)
    {
        static const struct given fields[] = {
            {"model", "en"}, {"include[]", "logprobs"}, {"alternatives", "1"}, {NULL, NULL}};

        ck_assert_msg(give_all(fields) == API_OK, "%s", e.message);
        ck_assert(req.logprobs);
        ck_assert_uint_eq(req.n_alternatives, 1);
    }
END_TEST

static const struct {
    const char *value;
    enum response_format format;
} formats[] = {
    {"json", RESPONSE_JSON}, {"text", RESPONSE_TEXT},
    {"srt", RESPONSE_SRT},   {"verbose_json", RESPONSE_VERBOSE_JSON},
    {"vtt", RESPONSE_VTT},   {"", RESPONSE_JSON},
};

START_TEST(response_formats_are_openais)
    {
        ck_assert_int_eq(give("response_format", formats[_i].value), API_OK);
        ck_assert_int_eq(req.format, formats[_i].format);
    }
END_TEST

/* All ways in which clients name and pack the list. */
static const struct {
    struct given fields[3];
    bool word, segment;
} granularities[] = {
    {{{"timestamp_granularities[]", "word"}}, true, false},
    {{{"timestamp_granularities[]", "segment"}}, false, true},
    {{{"timestamp_granularities[]", "word"}, {"timestamp_granularities[]", "segment"}}, true, true},
    {{{"timestamp_granularities", "word"}, {"timestamp_granularities", "segment"}}, true, true},
    {{{"timestamp_granularities[0]", "word"}, {"timestamp_granularities[1]", "word"}}, true, false},
    {{{"timestamp_granularities", "segment, word"}}, true, true},
    {{{"timestamp_granularities", " word "}}, true, false},
    {{{"timestamp_granularities[]", ""}}, false, false},
    {{{"timestamp_granularities[x]", "word"}}, false, false}, /* a name that means nothing */
};

START_TEST(granularities_come_in_any_clients_spelling)
    {
        for (const struct given *f = granularities[_i].fields; f->name; f++)
            ck_assert_msg(give(f->name, f->value) == API_OK, "%s", e.message);
        ck_assert_int_eq(req.word_times, granularities[_i].word);
        ck_assert_int_eq(req.segment_times, granularities[_i].segment);
    }
END_TEST

static const struct given harmless[] = {
    {"prompt", "Names: Zoë"},
    {"keywords[]", ""},
    {"keyterm", ""},
    {"phrases", ""},
    {"phrases", "[]"},
    {"alternatives", ""},
    {"alpha", ""},
    {"keep", "false"},
    {"id", "means nothing here"},
    {"chunking_strategy", "auto"},
    {"chunking_strategy", "{\"type\":\"server_vad\",\"threshold\":0.5}"},
    {"chunking_strategy[type]", "server_vad"},
    {"chunking_strategy[threshold]", "0.5"},
    {"stream", "false"},
    {"stream", "False"},
    {"stream", "0"},
    {"stream", ""},
    {"include[]", ""},
    {"temperature", "0"},
    {"temperature", "1"},
    {"temperature", "1e-1"},
    {"temperature", ".5"},
    {"language", ""},
    {"language", "en"},
    {"language", "EN"},
    {"language", "en_US"},
    {"language", "english"},
    {"languages[]", "en"},
    {"user", "someone"},
    {"model[]", "other"},
    {"modelx", "other"},
    {"mode", "other"},
    {"", "nameless"},
    {"[]", "nameless"},
    {"unknown", "\xFF"},
};

START_TEST(harmless_fields_change_nothing)
    {
        static const struct given model[] = {{"model", "en"}, {NULL, NULL}};
        ck_assert_msg(give(harmless[_i].name, harmless[_i].value) == API_OK, "%s", e.message);
        ck_assert_msg(give_all(model) == API_OK, "%s", e.message);
        ck_assert_int_eq(req.format, RESPONSE_JSON);
        ck_assert_int_eq(req.audio.channel, CHANNEL_MIX);
        ck_assert(!req.word_times && !req.segment_times);
        ck_assert_uint_eq(req.phrases.n_phrases, 0);
        ck_assert(isnan(req.alpha) && !req.keep);
        ck_assert_str_eq(req.id, "");
    }
END_TEST

START_TEST(decoding_again_needs_an_id_and_no_file)
    {
        audio_request_init(&req.audio, &redecode_requests);
        ck_assert_int_eq(audio_request_finish(&req.audio, false, &served, &e),
                         API_MISSING_PARAMETER);
        ck_assert_str_eq(e.param, "id");
        ck_assert_int_eq(give("id", "req-1"), API_OK);
        ck_assert_int_eq(give("model", "means nothing here"), API_OK);
        ck_assert_int_eq(give("keep", "means nothing here"), API_OK);
        ck_assert_int_eq(give("keyterm", "Ann"), API_OK);
        ck_assert_int_eq(give("alternatives", "3"), API_OK);
        ck_assert_int_eq(audio_request_finish(&req.audio, false, &served, &e), API_OK);
        ck_assert_str_eq(req.id, "req-1");
        ck_assert_uint_eq(req.phrases.n_phrases, 1);
        ck_assert_uint_eq(req.n_alternatives, 3);
        ck_assert_int_eq(audio_request_finish(&req.audio, true, &served, &e),
                         API_UNSUPPORTED_PARAMETER);
        ck_assert_str_eq(e.param, "file");
        ck_assert_int_eq(give("response_format", "vtt"), API_OK);
        ck_assert_int_eq(audio_request_finish(&req.audio, false, &served, &e), API_INVALID_VALUE);
        ck_assert_str_eq(e.param, "alternatives");
        ck_assert_int_eq(give("id", "req-2"), API_INVALID_REQUEST);
    }
END_TEST

static const struct {
    struct given fields[4];
    enum api_error_code code;
    const char *param, *message;
} refused[] = {
    {{{NULL, NULL}}, API_MISSING_PARAMETER, "model", "you must provide a model parameter"},
    {{{"model", ""}}, API_MISSING_PARAMETER, "model", "you must provide a model parameter"},
    {{{"model", "gpt-4o-transcribe"}},
     API_MODEL_NOT_FOUND,
     "model",
     "The model 'gpt-4o-transcribe' does not exist. Served here: 'en-v1', also called "
     "whisper-1,en."},
    {{{"model", "whisper"}}, API_MODEL_NOT_FOUND, "model", NULL},
    {{{"model", "whisper-1,en"}}, API_MODEL_NOT_FOUND, "model", NULL},
    {{{"model", "whisper-1"}, {"model", "whisper-1"}},
     API_INVALID_REQUEST,
     "model",
     "model is given twice"},
    {{{"model", "en"}, {"language", "fr"}},
     API_INVALID_VALUE,
     "language",
     "language 'fr' is not served here. Use 'en' (english) or leave the field out."},
    {{{"model", "en"}, {"language", "eng"}}, API_INVALID_VALUE, "language", NULL},
    {{{"model", "en"}, {"language", "e"}}, API_INVALID_VALUE, "language", NULL},
    {{{"model", "en"}, {"languages[]", "fr"}, {"languages[]", "de"}},
     API_INVALID_VALUE,
     "languages[]",
     "none of the languages 'fr,de' is served here. Use 'en' (english) or leave the field out."},
    {{{"response_format", "xml"}},
     API_INVALID_VALUE,
     "response_format",
     "Invalid value: 'xml'. Supported values are: 'json', 'text', 'srt', 'verbose_json', and "
     "'vtt'."},
    {{{"response_format", "JSON"}}, API_INVALID_VALUE, "response_format", NULL},
    {{{"response_format", "diarized_json"}}, API_UNSUPPORTED_PARAMETER, "response_format", NULL},
    {{{"temperature", "1.01"}},
     API_INVALID_VALUE,
     "temperature",
     "temperature must be a number from 0 to 1, not '1.01'"},
    {{{"temperature", "-0.1"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "nan"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "0x1p-1"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", " 0"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "0.5.5"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "."}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "1e999"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"temperature", "0,5"}}, API_INVALID_VALUE, "temperature", NULL},
    {{{"timestamp_granularities[]", "words"}},
     API_INVALID_VALUE,
     "timestamp_granularities[]",
     "Invalid value: 'words'. Supported values are: 'word' and 'segment'."},
    {{{"timestamp_granularities", "word,"}}, API_INVALID_VALUE, "timestamp_granularities[]", NULL},
    {{{"model", "en"}, {"timestamp_granularities[]", "word"}},
     API_INVALID_VALUE,
     "timestamp_granularities[]",
     "timestamp_granularities[] needs response_format 'verbose_json'"},
    {{{"model", "en"}, {"timestamp_granularities[]", "segment"}, {"response_format", "srt"}},
     API_INVALID_VALUE,
     "timestamp_granularities[]",
     NULL},
    {{{"chunking_strategy", "{\"type\""}}, API_INVALID_VALUE, "chunking_strategy", NULL},
    {{{"chunking_strategy", "[1]"}}, API_INVALID_VALUE, "chunking_strategy", NULL},
    {{{"chunking_strategy", "server_vad"}}, API_INVALID_VALUE, "chunking_strategy", NULL},
    {{{"include[]", "everything"}},
     API_INVALID_VALUE,
     "include[]",
     "Invalid value: 'everything'. The only supported value is 'logprobs'."},
    {{{"model", "en"}, {"include[]", "logprobs"}, {"response_format", "verbose_json"}},
     API_INVALID_VALUE,
     "include[]",
     "include[] 'logprobs' needs response_format 'json'"},
    {{{"model", "en"}, {"include", "logprobs"}, {"response_format", "text"}},
     API_INVALID_VALUE,
     "include[]",
     NULL},
    {{{"model", "en"}, {"alternatives", "2"}, {"response_format", "srt"}},
     API_INVALID_VALUE,
     "alternatives",
     "alternatives needs response_format 'json' or 'verbose_json'"},
    {{{"alternatives", "0"}},
     API_INVALID_VALUE,
     "alternatives",
     "alternatives must be a whole number from 1 to 20, not '0'"},
    {{{"alternatives", "21"}}, API_INVALID_VALUE, "alternatives", NULL},
    {{{"alternatives", "2"}, {"alternatives", "2"}}, API_INVALID_REQUEST, "alternatives", NULL},
    {{{"alpha", "-0.1"}},
     API_INVALID_VALUE,
     "alpha",
     "alpha must be a number from 0 to 10, not '-0.1'"},
    {{{"alpha", "nan"}}, API_INVALID_VALUE, "alpha", NULL},
    {{{"beta", "10.5"}},
     API_INVALID_VALUE,
     "beta",
     "beta must be a number from -10 to 10, not '10.5'"},
    {{{"beta", "inf"}}, API_INVALID_VALUE, "beta", NULL},
    {{{"keep", "yes"}}, API_INVALID_VALUE, "keep", "keep must be true or false, not 'yes'"},
    {{{"phrases", "Ann"}}, API_INVALID_VALUE, "phrases", NULL},
    {{{"phrases", "[{\"phrase\":\"Ann\",\"weight\":101}]"}},
     API_INVALID_VALUE,
     "phrases",
     "phrases: the weight 101 of 'Ann' is not above 0 and at most 100"},
    {{{"phrases", "[]"}, {"phrases", "[]"}}, API_INVALID_REQUEST, "phrases", NULL},
    {{{"keyterm", "\xFF"}}, API_INVALID_VALUE, "keyterm", "keyterm is not UTF-8 text"},
    {{{"stream", "true"}},
     API_UNSUPPORTED_PARAMETER,
     "stream",
     "stream is not supported: the transcript comes in one piece. Leave the field out or set it "
     "to false."},
    {{{"stream", "True"}}, API_UNSUPPORTED_PARAMETER, "stream", NULL},
    {{{"stream", "maybe"}}, API_INVALID_VALUE, "stream", NULL},
    {{{"known_speaker_names[]", "Ann"}}, API_UNSUPPORTED_PARAMETER, "known_speaker_names[]", NULL},
    {{{"known_speaker_references[]", "data:"}},
     API_UNSUPPORTED_PARAMETER,
     "known_speaker_references[]",
     NULL},
    {{{"channel", "left"}},
     API_INVALID_VALUE,
     "channel",
     "channel must be a whole number from 0 to 9999, not 'left'"},
    {{{"channel", "-1"}}, API_INVALID_VALUE, "channel", NULL},
    {{{"channel", "10000"}}, API_INVALID_VALUE, "channel", NULL},
    {{{"channel", "99999999999999999999"}}, API_INVALID_VALUE, "channel", NULL},
    {{{"channel", "1 "}}, API_INVALID_VALUE, "channel", NULL},
    {{{"encoding", "opus"}}, API_INVALID_VALUE, "encoding", NULL},
    {{{"sample_rate", "0"}}, API_INVALID_VALUE, "sample_rate", NULL},
    {{{"sample_rate", "8e3"}}, API_INVALID_VALUE, "sample_rate", NULL},
    {{{"channels", "0"}}, API_INVALID_VALUE, "channels", NULL},
    {{{"model", "en"}, {"encoding", "mulaw"}}, API_MISSING_PARAMETER, "sample_rate", NULL},
    {{{"model", "en"}, {"sample_rate", "8000"}}, API_MISSING_PARAMETER, "encoding", NULL},
    {{{"model", "en"}, {"channels", "1"}}, API_MISSING_PARAMETER, "encoding", NULL},
    {{{"channels", "seperate"}}, API_INVALID_VALUE, "channels", NULL},
    {{{"multichannel", "both"}}, API_INVALID_VALUE, "multichannel", NULL},
    {{{"model", "en"}, {"channels", "separate"}, {"channel", "1"}},
     API_INVALID_REQUEST,
     "channel",
     "channel picks channel 1, where every channel is asked for: leave one of the two out"},
    {{{"model", "en"}, {"channel", "0"}, {"multichannel", "true"}},
     API_INVALID_REQUEST,
     "channel",
     NULL},
    {{{"model", "en"}, {"channels", "separate"}, {"keep", "true"}},
     API_UNSUPPORTED_PARAMETER,
     "keep",
     NULL},
    {{{"model", "en"}, {"multichannel", "1"}, {"alternatives", "2"}},
     API_UNSUPPORTED_PARAMETER,
     "alternatives",
     NULL},
    {{{"model", "en"}, {"multichannel", "1"}, {"include[]", "logprobs"}},
     API_UNSUPPORTED_PARAMETER,
     "include[]",
     NULL},
    {{{"prompt", "\xFF"}}, API_INVALID_VALUE, "prompt", "prompt is not UTF-8 text"},
    {{{"model", "\xC3"}}, API_INVALID_VALUE, "model", "model is not UTF-8 text"},
    {{{"response_format", "a\x01\"b"}}, API_INVALID_VALUE, "response_format", NULL},
};

START_TEST(what_cannot_be_honoured_is_refused_by_name)
    {
        ck_assert_int_eq(give_all(refused[_i].fields), refused[_i].code);
        ck_assert_int_eq(e.code, refused[_i].code);
        ck_assert_str_eq(e.param, refused[_i].param);
        if (refused[_i].message)
            ck_assert_str_eq(e.message, refused[_i].message);
        ck_assert(utf8_valid(e.message, strlen(e.message)));
        ck_assert_uint_lt(strlen(e.message), sizeof(e.message) - 1); /* nothing was cut off */
        for (const char *at = e.message; *at; at++)
            ck_assert_msg((unsigned char)*at >= 0x20, "a control character in: %s", e.message);
    }
END_TEST

static const struct {
    struct given field;
    const char *param; /* NULL: fits the greedy decoder */
} greedy[] = {
    {{"keywords[]", "Ann"}, "phrases"},
    {{"keyterm", "Ann"}, "phrases"},
    {{"phrases", "[\"Ann\"]"}, "phrases"},
    {{"alternatives", "2"}, "alternatives"},
    {{"alternatives", "1"}, NULL},
    {{"alpha", "0"}, "alpha"},
    {{"beta", "0"}, "beta"},
    {{"include[]", "logprobs"}, NULL},
};

START_TEST(the_greedy_decoder_refuses_what_it_cannot_do)
    {
        ck_assert_int_eq(give(greedy[_i].field.name, greedy[_i].field.value), API_OK);
        enum api_error_code code = transcription_request_check_greedy(&req, &e);
        ck_assert_int_eq(code, greedy[_i].param ? API_UNSUPPORTED_PARAMETER : API_OK);
        if (greedy[_i].param)
            ck_assert_str_eq(e.param, greedy[_i].param);
    }
END_TEST

START_TEST(a_thousand_phrases_fit_into_one_field)
    {
        /* The longest, as a JSON writer that escapes all but ASCII would send them. */
        enum { LETTERS = PHRASE_MAX_BYTES / 2 };
        static char json[REQUEST_MAX_PHRASES_BYTES + 1];
        size_t n = 0;

        for (int i = 0; i < PHRASES_MAX; i++) {
            n += (size_t)sprintf(json + n, "%s{\"phrase\":\"", i ? "," : "[");
            for (int k = 0; k < LETTERS; k++)
                n += (size_t)sprintf(json + n, "\\u00e9");
            n += (size_t)sprintf(json + n, "\",\"weight\":2.5}");
        }
        json[n++] = ']';
        ck_assert_uint_eq(audio_request_max_bytes(&req.audio, "phrases"),
                          REQUEST_MAX_PHRASES_BYTES);
        ck_assert_msg(give("phrases", json) == API_OK, "%s", e.message);
        ck_assert_uint_eq(req.phrases.n_phrases, PHRASES_MAX);
        ck_assert_int_eq(give("keyterm", "one more"), API_INVALID_VALUE);
        ck_assert_str_eq(e.message, "keyterm: more than 1000 phrases in one request");
    }
END_TEST

START_TEST(headerless_audio_has_one_channel_unless_told)
    {
        static const struct given one[] = {
            {"model", "en"}, {"encoding", "Linear16"}, {"sample_rate", "16000"}, {NULL, NULL}};
        static const struct given two[] = {{"model", "en"},
                                           {"channels", "2"},
                                           {"encoding", "alaw"},
                                           {"sample_rate", "8000"},
                                           {NULL, NULL}};

        ck_assert_msg(give_all(one) == API_OK, "%s", e.message);
        ck_assert_int_eq(req.audio.raw.encoding, RAW_PCM_S16LE);
        ck_assert_uint_eq(req.audio.raw.channels, 1);
        again();
        ck_assert_msg(give_all(two) == API_OK, "%s", e.message);
        ck_assert_uint_eq(req.audio.raw.channels, 2);
    }
END_TEST

START_TEST(a_request_without_a_file_says_so)
    {
        ck_assert_int_eq(give("model", "en"), API_OK);
        ck_assert_int_eq(audio_request_finish(&req.audio, false, &served, &e),
                         API_MISSING_PARAMETER);
        ck_assert_str_eq(e.param, "file");
    }
END_TEST

START_TEST(a_model_without_aliases_is_served_by_its_name_only)
    {
        ck_assert_int_eq(give("model", "en-v1"), API_OK);
        ck_assert_int_eq(audio_request_finish(&req.audio, true, &without_alias, &e), API_OK);
        again();
        ck_assert_int_eq(give("model", "x"), API_OK);
        ck_assert_int_eq(audio_request_finish(&req.audio, true, &without_alias, &e),
                         API_MODEL_NOT_FOUND);
        ck_assert_str_eq(e.message, "The model 'x' does not exist. Served here: 'en-v1'.");
    }
END_TEST

START_TEST(values_are_bounded)
    {
        static char much[REQUEST_MAX_FIELD_BYTES + 2];

        memset(much, 'm', sizeof(much) - 1);
        ck_assert_uint_eq(audio_request_max_bytes(&req.audio, "prompt"), REQUEST_MAX_FIELD_BYTES);
        ck_assert_uint_eq(audio_request_max_bytes(&req.audio, "unknown"), REQUEST_MAX_FIELD_BYTES);
        ck_assert_int_eq(give("prompt", much), API_INVALID_VALUE);
        ck_assert_str_eq(e.message, "prompt is 16385 bytes long, more than 16384");
        again();
        ck_assert_int_eq(give("prompt", much + 1), API_OK);
        again();
        ck_assert_int_eq(give("model", much + sizeof(much) - 1 - 127), API_OK);
        ck_assert_uint_eq(strlen(req.audio.model), 127);
        again();
        ck_assert_int_eq(give("model", much + sizeof(much) - 1 - 128), API_INVALID_VALUE);
        ck_assert_str_eq(req.audio.model, "");
        ck_assert_int_eq(give("language", much + sizeof(much) - 1 - 32), API_INVALID_VALUE);
        int n = 0;
        while (n < 1000 && give("languages[]", "fr") == API_OK)
            n++;
        ck_assert_int_eq(n, 85); /* two letters and a comma each, in 255 bytes */
    }
END_TEST

START_TEST(a_nul_byte_in_a_value_is_refused)
    {
        ck_assert_int_eq(audio_request_field(&req.audio, "model", "en\0v1", 5, &e),
                         API_INVALID_VALUE);
        ck_assert_str_eq(e.param, "model");
        ck_assert_int_eq(audio_request_field(&req.audio, "other", "en\0v1", 5, &e), API_OK);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("transcription_request");
    TCase *c = tcase_create("transcription_request");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, only_a_model_and_a_file_are_needed);
    tcase_add_loop_test(c, channels_may_be_asked_for_each_by_itself, 0, COUNT(channel_fields));
    tcase_add_test(c, every_field_lands_where_it_belongs);
    tcase_add_test(c, log_probabilities_come_with_json);
    tcase_add_loop_test(c, response_formats_are_openais, 0, COUNT(formats));
    tcase_add_loop_test(c, granularities_come_in_any_clients_spelling, 0, COUNT(granularities));
    tcase_add_loop_test(c, harmless_fields_change_nothing, 0, COUNT(harmless));
    tcase_add_test(c, decoding_again_needs_an_id_and_no_file);
    tcase_add_loop_test(c, what_cannot_be_honoured_is_refused_by_name, 0, COUNT(refused));
    tcase_add_loop_test(c, the_greedy_decoder_refuses_what_it_cannot_do, 0, COUNT(greedy));
    tcase_add_test(c, a_thousand_phrases_fit_into_one_field);
    tcase_add_test(c, headerless_audio_has_one_channel_unless_told);
    tcase_add_test(c, a_request_without_a_file_says_so);
    tcase_add_test(c, a_model_without_aliases_is_served_by_its_name_only);
    tcase_add_test(c, values_are_bounded);
    tcase_add_test(c, a_nul_byte_in_a_value_is_refused);
    suite_add_tcase(s, c);
    return s;
}
