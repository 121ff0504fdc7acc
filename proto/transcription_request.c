/* transcription_request.c - see transcription_request.h.
 *
 * One table of the fields we know, each with what to do with its value. Three kinds: fields that
 * are used; hints that cannot make an answer wrong, checked and dropped; fields that ask for
 * another answer than we can give, refused by name, because a client that gets a plain transcript
 * for them would be misled.
 *
 * Lists are named "x[]" by OpenAI. Clients also send "x", "x[0]" and, for the object in
 * chunking_strategy, "chunking_strategy[type]": all mean the same here. */
#include "proto/transcription_request.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/count.h"
#include "model/model.h"
#include "proto/language.h"
#include "proto/utf8.h"

static struct transcription_request *own(struct audio_request *req)
{
    return (struct transcription_request *)(void *)req;
}

static struct utf8_quote quote(const char *text)
{
    return utf8_quote(text, strlen(text));
}

/* ---- fields that are used -------------------------------------------------------------------- */

static enum api_error_code take_id(struct audio_request *req, const struct request_field *field,
                                   const char *text, struct api_error *e)
{
    return request_take_text(own(req)->id, sizeof(own(req)->id), field, text, e);
}

static enum api_error_code take_languages(struct audio_request *req,
                                          const struct request_field *field, const char *text,
                                          struct api_error *e)
{
    size_t n = strlen(own(req)->languages);

    if (n > 0 && n < sizeof(own(req)->languages) - 1)
        own(req)->languages[n++] = ',';
    return request_take_text(own(req)->languages + n, sizeof(own(req)->languages) - n, field, text,
                             e);
}

static enum api_error_code take_format(struct audio_request *req, const struct request_field *field,
                                       const char *text, struct api_error *e)
{
    static const struct {
        const char *name;
        enum response_format format;
    } formats[] = {
        {"json", RESPONSE_JSON}, {"text", RESPONSE_TEXT},
        {"srt", RESPONSE_SRT},   {"verbose_json", RESPONSE_VERBOSE_JSON},
        {"vtt", RESPONSE_VTT},
    };

    for (size_t i = 0; i < COUNT(formats); i++) {
        if (strcmp(text, formats[i].name) == 0) {
            own(req)->format = formats[i].format;
            return API_OK;
        }
    }
    if (strcmp(text, "diarized_json") == 0)
        return api_fail(
            e, API_UNSUPPORTED_PARAMETER, field->name,
            "response_format 'diarized_json' is not supported: this server does not "
            "tell speakers apart. Use 'verbose_json' for words and segments with times.");
    return api_fail(e, API_INVALID_VALUE, field->name,
                    "Invalid value: '%s'. Supported values are: 'json', 'text', 'srt', "
                    "'verbose_json', and 'vtt'.",
                    quote(text).text);
}

static enum api_error_code take_temperature(struct audio_request *req,
                                            const struct request_field *field, const char *text,
                                            struct api_error *e)
{
    return request_take_number(&own(req)->temperature, 0, 1, field, text, e);
}

static enum api_error_code take_granularities(struct audio_request *req,
                                              const struct request_field *field, const char *text,
                                              struct api_error *e)
{
    for (;;) {
        text += strspn(text, " ");
        size_t n = strcspn(text, ","), n_word = n;
        while (n_word > 0 && text[n_word - 1] == ' ')
            n_word--;
        if (n_word == 4 && strncmp(text, "word", 4) == 0)
            own(req)->word_times = true;
        else if (n_word == 7 && strncmp(text, "segment", 7) == 0)
            own(req)->segment_times = true;
        else
            return api_fail(e, API_INVALID_VALUE, field->name,
                            "Invalid value: '%s'. Supported values are: 'word' and 'segment'.",
                            utf8_quote(text, n_word).text);
        if (!text[n])
            return API_OK;
        text += n + 1;
    }
}

/* One phrase a field: OpenAI's keywords[] and Deepgram's keyterm. */
static enum api_error_code take_phrase(struct audio_request *req, const struct request_field *field,
                                       const char *text, struct api_error *e)
{
    return phrase_list_add(&own(req)->phrases, field->name, text, strlen(text),
                           PHRASE_DEFAULT_WEIGHT, e);
}

static enum api_error_code take_phrases(struct audio_request *req,
                                        const struct request_field *field, const char *text,
                                        struct api_error *e)
{
    return phrase_list_add_json(&own(req)->phrases, field->name, text, strlen(text), e);
}

static enum api_error_code take_flag(bool *to, const struct request_field *field, const char *text,
                                     struct api_error *e)
{
    *to = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!*to && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return api_fail(e, API_INVALID_VALUE, field->name, "%s must be true or false, not '%s'",
                        field->name, quote(text).text);
    return API_OK;
}

static enum api_error_code take_keep(struct audio_request *req, const struct request_field *field,
                                     const char *text, struct api_error *e)
{
    return take_flag(&own(req)->keep, field, text, e);
}

static enum api_error_code take_multichannel(struct audio_request *req,
                                             const struct request_field *field, const char *text,
                                             struct api_error *e)
{
    bool wanted = false;
    enum api_error_code code = take_flag(&wanted, field, text, e);

    req->separate = req->separate || wanted; /* `channels` may have said so */
    return code;
}

static enum api_error_code take_alternatives(struct audio_request *req,
                                             const struct request_field *field, const char *text,
                                             struct api_error *e)
{
    return request_take_count(&own(req)->n_alternatives, 1, MODEL_MAX_ALTERNATIVES, field, text, e);
}

static enum api_error_code take_alpha(struct audio_request *req, const struct request_field *field,
                                      const char *text, struct api_error *e)
{
    return request_take_number(&own(req)->alpha, 0, REQUEST_MAX_ALPHA, field, text, e);
}

static enum api_error_code take_beta(struct audio_request *req, const struct request_field *field,
                                     const char *text, struct api_error *e)
{
    return request_take_number(&own(req)->beta, -REQUEST_MAX_BETA, REQUEST_MAX_BETA, field, text,
                               e);
}

static enum api_error_code take_include(struct audio_request *req,
                                        const struct request_field *field, const char *text,
                                        struct api_error *e)
{
    if (strcmp(text, "logprobs") != 0)
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "Invalid value: '%s'. The only supported value is 'logprobs'.",
                        quote(text).text);
    own(req)->logprobs = true;
    return API_OK;
}

/* ---- fields without effect ------------------------------------------------------------------- */

static enum api_error_code take_hint(struct audio_request *req, const struct request_field *field,
                                     const char *text, struct api_error *e)
{
    (void)req;
    (void)field;
    (void)text;
    (void)e;
    return API_OK;
}

/* "auto" or a JSON object; recordings are always taken whole. */
static enum api_error_code take_chunking(struct audio_request *req,
                                         const struct request_field *field, const char *text,
                                         struct api_error *e)
{
    (void)req;
    if (strcmp(text, "auto") == 0)
        return API_OK;
    json_t *value = json_loads(text, 0, NULL);
    bool is_object = json_is_object(value);
    json_decref(value);
    if (is_object)
        return API_OK;
    return api_fail(e, API_INVALID_VALUE, field->name,
                    "chunking_strategy must be 'auto' or a JSON object, not '%s'",
                    quote(text).text);
}

/* ---- fields that are refused ------------------------------------------------------------------
 */

static enum api_error_code refuse(struct audio_request *req, const struct request_field *field,
                                  const char *text, struct api_error *e)
{
    (void)req;
    (void)text;
    return api_fail(e, API_UNSUPPORTED_PARAMETER, field->name, "%s is not supported: %s",
                    field->name, field->advice);
}

static enum api_error_code take_stream(struct audio_request *req, const struct request_field *field,
                                       const char *text, struct api_error *e)
{
    bool wanted = false;
    enum api_error_code code = take_flag(&wanted, field, text, e);

    return code == API_OK && wanted ? refuse(req, field, text, e) : code;
}

static const char no_speakers[] = "this server does not tell speakers apart. Leave the field out.";

/* How posteriors are decoded and answered: also those that have been kept. */
static const struct request_field decoding_rows[] = {
    {"response_format", FIELD_SCALAR, take_format, NULL, 0},
    {"timestamp_granularities[]", FIELD_LIST, take_granularities, NULL, 0},
    {"keywords[]", FIELD_LIST, take_phrase, NULL, 0},
    {"keyterm", FIELD_LIST, take_phrase, NULL, 0},
    {"phrases", FIELD_SCALAR, take_phrases, NULL, REQUEST_MAX_PHRASES_BYTES},
    {"alternatives", FIELD_SCALAR, take_alternatives, NULL, 0},
    {"alpha", FIELD_SCALAR, take_alpha, NULL, 0},
    {"beta", FIELD_SCALAR, take_beta, NULL, 0},
    {"include[]", FIELD_LIST, take_include, NULL, 0},
};
static const struct request_field transcription_rows[] = {
    {"languages[]", FIELD_LIST, take_languages, NULL, 0},
    {"temperature", FIELD_SCALAR, take_temperature, NULL, 0},
    {"keep", FIELD_SCALAR, take_keep, NULL, 0},
    {"multichannel", FIELD_SCALAR, take_multichannel, NULL, 0},
    {"prompt", FIELD_SCALAR, take_hint, NULL, 0},
    {"chunking_strategy", FIELD_OBJECT, take_chunking, NULL, 0},
    {"stream", FIELD_SCALAR, take_stream,
     "the transcript comes in one piece. Leave the field out or set it to false.", 0},
    {"known_speaker_names[]", FIELD_LIST, refuse, no_speakers, 0},
    {"known_speaker_references[]", FIELD_LIST, refuse, no_speakers, 0},
};
static const struct request_field redecode_rows[] = {
    {"id", FIELD_SCALAR, take_id, NULL, 0},
    {"priority", FIELD_SCALAR, request_take_priority, NULL, 0},
};
static const struct field_table decoding_fields = {decoding_rows, COUNT(decoding_rows)};
static const struct field_table transcription_fields = {transcription_rows,
                                                        COUNT(transcription_rows)};
static const struct field_table redecode_fields = {redecode_rows, COUNT(redecode_rows)};

/* ---- the request ------------------------------------------------------------------------------
 */

static enum api_error_code check_languages(const struct transcription_request *req,
                                           const char *served, struct api_error *e)
{
    char one[sizeof(req->languages)];
    const char *at = req->languages;
    bool found = !*at;

    while (*at) {
        size_t n = strcspn(at, ",");
        snprintf(one, sizeof(one), "%.*s", (int)n, at);
        found = found || language_matches(one, served);
        at += n + (at[n] == ',');
    }
    if (!found)
        return api_fail(e, API_INVALID_VALUE, "languages[]",
                        "none of the languages '%s' is served here. Use '%s' (%s) or leave the "
                        "field out.",
                        quote(req->languages).text, served, language_name(served));
    return API_OK;
}

/* What only some formats have room for. */
static enum api_error_code check_format(const struct transcription_request *req,
                                        struct api_error *e)
{
    bool verbose = req->format == RESPONSE_VERBOSE_JSON;

    if ((req->word_times || req->segment_times) && !verbose)
        return api_fail(e, API_INVALID_VALUE, "timestamp_granularities[]",
                        "timestamp_granularities[] needs response_format 'verbose_json'");
    if (req->logprobs && req->format != RESPONSE_JSON)
        return api_fail(e, API_INVALID_VALUE, "include[]",
                        "include[] 'logprobs' needs response_format 'json'");
    if (req->n_alternatives > 0 && req->format != RESPONSE_JSON && !verbose)
        return api_fail(e, API_INVALID_VALUE, "alternatives",
                        "alternatives needs response_format 'json' or 'verbose_json'");
    return API_OK;
}

/* What is of one transcript only. */
static enum api_error_code check_separate(const struct transcription_request *req,
                                          struct api_error *e)
{
    const char *unfit = req->keep                 ? "keep"
                        : req->logprobs           ? "include[]"
                        : req->n_alternatives > 0 ? "alternatives"
                                                  : NULL;

    if (!req->audio.separate || !unfit)
        return API_OK;
    return api_fail(
        e, API_UNSUPPORTED_PARAMETER, unfit,
        "%s is not supported with separate channels: ask for one channel at a time with "
        "`channel`, or leave it out",
        unfit);
}

enum api_error_code transcription_request_check_greedy(const struct transcription_request *req,
                                                       struct api_error *e)
{
    const char *unfit = req->phrases.n_phrases > 0 ? "phrases"
                        : req->n_alternatives > 1  ? "alternatives"
                        : !isnan(req->alpha)       ? "alpha"
                        : !isnan(req->beta)        ? "beta"
                                                   : NULL;

    if (!unfit)
        return API_OK;
    return api_fail(e, API_UNSUPPORTED_PARAMETER, unfit,
                    "%s is not supported: this server decodes greedily (--decoder greedy). Leave "
                    "the field out.",
                    unfit);
}

static const struct transcription_request *seen_as(const struct audio_request *req)
{
    return (const struct transcription_request *)(const void *)req;
}

static void init(struct audio_request *req)
{
    own(req)->alpha = own(req)->beta = NAN;
}

static void release(struct audio_request *req)
{
    phrase_list_free(&own(req)->phrases);
}

static enum api_error_code check(const struct audio_request *audio, const struct served *served,
                                 struct api_error *e)
{
    const struct transcription_request *req = seen_as(audio);
    enum api_error_code code = check_format(req, e);

    if (code == API_OK)
        code = check_languages(req, served->language, e);
    if (code == API_OK)
        code = check_separate(req, e);
    if (code == API_OK && req->keep && !served->keeps)
        code = api_fail(e, API_UNSUPPORTED_PARAMETER, "keep",
                        "keep is not supported: this server keeps nothing (--keep-bytes 0). Leave "
                        "the field out.");
    if (code == API_OK && served->greedy)
        code = transcription_request_check_greedy(req, e);
    return code;
}

static enum api_error_code check_redecode(const struct audio_request *audio,
                                          const struct served *served, struct api_error *e)
{
    const struct transcription_request *req = seen_as(audio);

    if (!*req->id)
        return api_fail(e, API_MISSING_PARAMETER, "id",
                        "you must provide an id parameter: the X-Request-Id of a transcription "
                        "that was made with keep=true");
    enum api_error_code code = check_format(req, e);
    return code == API_OK && served->greedy ? transcription_request_check_greedy(req, e) : code;
}

const struct request_kind transcription_requests = {
    .request_bytes = sizeof(struct transcription_request),
    .separates = true,
    .tables = {&recording_fields, &decoding_fields, &transcription_fields},
    .init = init,
    .release = release,
    .check = check,
};

const struct request_kind redecode_requests = {
    .request_bytes = sizeof(struct transcription_request),
    .without_audio = true,
    .tables = {&decoding_fields, &redecode_fields},
    .init = init,
    .release = release,
    .check = check_redecode,
};

void transcription_request_init(struct transcription_request *req)
{
    audio_request_init(&req->audio, &transcription_requests);
}

void transcription_request_free(struct transcription_request *req)
{
    audio_request_release(&req->audio);
}
