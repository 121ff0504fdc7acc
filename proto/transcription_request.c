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

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/front_end.h"
#include "model/model.h"
#include "proto/language.h"
#include "proto/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum shape { SCALAR, LIST, OBJECT };

struct field {
    const char *name; /* as errors call it */
    enum shape shape;
    enum api_error_code (*take)(struct transcription_request *req, const struct field *field,
                                const char *text, struct api_error *e);
    const char *advice; /* why it is refused and what to do, for refuse() */
    size_t max_bytes;   /* 0: REQUEST_MAX_FIELD_BYTES */
};

void transcription_request_init(struct transcription_request *req)
{
    *req = (struct transcription_request){
        .channel = CHANNEL_MIX, .raw = {.encoding = RAW_NONE}, .alpha = NAN, .beta = NAN};
}

void transcription_request_init_redecode(struct transcription_request *req)
{
    transcription_request_init(req);
    req->redecode = true;
}

void transcription_request_free(struct transcription_request *req)
{
    phrase_list_free(&req->phrases);
}

/* ---- values ---------------------------------------------------------------------------------- */

static struct utf8_quote quote(const char *text)
{
    return utf8_quote(text, strlen(text));
}

static enum api_error_code take_text(char *to, size_t capacity, const struct field *field,
                                     const char *text, struct api_error *e)
{
    size_t n_bytes = strlen(text);

    if (n_bytes >= capacity)
        return api_fail(e, API_INVALID_VALUE, field->name, "%s is %zu bytes long, more than %zu",
                        field->name, n_bytes, capacity - 1);
    memcpy(to, text, n_bytes + 1);
    return API_OK;
}

/* Digits only. */
static enum api_error_code take_count(unsigned *to, unsigned min, unsigned max,
                                      const struct field *field, const char *text,
                                      struct api_error *e)
{
    size_t n = strspn(text, "0123456789");
    unsigned long value = n <= 9 && !text[n] ? strtoul(text, NULL, 10) : ULONG_MAX;

    if (value < min || value > max)
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "%s must be a whole number from %u to %u, not '%s'", field->name, min, max,
                        quote(text).text);
    *to = (unsigned)value;
    return API_OK;
}

static enum api_error_code take_number(double *to, double min, double max,
                                       const struct field *field, const char *text,
                                       struct api_error *e)
{
    char *end;
    /* strtod() alone would take blanks, hexadecimal, "inf" and "nan". */
    bool decimal = *text && text[strspn(text, "+-.0123456789eE")] == 0;
    double value = decimal ? strtod(text, &end) : NAN;

    if (!decimal || *end || !(value >= min && value <= max))
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "%s must be a number from %g to %g, not '%s'", field->name, min, max,
                        quote(text).text);
    *to = value;
    return API_OK;
}

/* ---- fields that are used -------------------------------------------------------------------- */

static enum api_error_code take_model(struct transcription_request *req, const struct field *field,
                                      const char *text, struct api_error *e)
{
    return take_text(req->model, sizeof(req->model), field, text, e);
}

static enum api_error_code take_id(struct transcription_request *req, const struct field *field,
                                   const char *text, struct api_error *e)
{
    return take_text(req->id, sizeof(req->id), field, text, e);
}

static enum api_error_code take_language(struct transcription_request *req,
                                         const struct field *field, const char *text,
                                         struct api_error *e)
{
    return take_text(req->language, sizeof(req->language), field, text, e);
}

static enum api_error_code take_languages(struct transcription_request *req,
                                          const struct field *field, const char *text,
                                          struct api_error *e)
{
    size_t n = strlen(req->languages);

    if (n > 0 && n < sizeof(req->languages) - 1)
        req->languages[n++] = ',';
    return take_text(req->languages + n, sizeof(req->languages) - n, field, text, e);
}

static enum api_error_code take_format(struct transcription_request *req, const struct field *field,
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
            req->format = formats[i].format;
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

static enum api_error_code take_temperature(struct transcription_request *req,
                                            const struct field *field, const char *text,
                                            struct api_error *e)
{
    return take_number(&req->temperature, 0, 1, field, text, e);
}

static enum api_error_code take_granularities(struct transcription_request *req,
                                              const struct field *field, const char *text,
                                              struct api_error *e)
{
    for (;;) {
        text += strspn(text, " ");
        size_t n = strcspn(text, ","), n_word = n;
        while (n_word > 0 && text[n_word - 1] == ' ')
            n_word--;
        if (n_word == 4 && strncmp(text, "word", 4) == 0)
            req->word_times = true;
        else if (n_word == 7 && strncmp(text, "segment", 7) == 0)
            req->segment_times = true;
        else
            return api_fail(e, API_INVALID_VALUE, field->name,
                            "Invalid value: '%s'. Supported values are: 'word' and 'segment'.",
                            utf8_quote(text, n_word).text);
        if (!text[n])
            return API_OK;
        text += n + 1;
    }
}

static enum api_error_code take_channel(struct transcription_request *req,
                                        const struct field *field, const char *text,
                                        struct api_error *e)
{
    enum { MAX_CHANNEL = 9999 }; /* whether the recording has it is front_end_extract()'s to say */
    unsigned channel = 0;

    if (strcmp(text, "mix") == 0) {
        req->channel = CHANNEL_MIX;
        return API_OK;
    }
    enum api_error_code code = take_count(&channel, 0, MAX_CHANNEL, field, text, e);
    if (code == API_OK)
        req->channel = (int)channel;
    return code;
}

static enum api_error_code take_encoding(struct transcription_request *req,
                                         const struct field *field, const char *text,
                                         struct api_error *e)
{
    req->raw.encoding = raw_encoding_by_name(text);
    if (req->raw.encoding == RAW_NONE)
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "Invalid value: '%s'. Supported values are: 's16le' (or 'linear16', "
                        "'pcm16'), 's16be', 's8', 'u8', 's24le', 's32le', 'f32le', 'mulaw' (or "
                        "'pcmu'), and 'alaw' (or 'pcma').",
                        quote(text).text);
    if (req->raw.channels == 0) /* `channels` may have come before */
        req->raw.channels = 1;
    return API_OK;
}

static enum api_error_code take_sample_rate(struct transcription_request *req,
                                            const struct field *field, const char *text,
                                            struct api_error *e)
{
    return take_count(&req->raw.rate_hz, 1, 999999999, field, text, e);
}

static enum api_error_code take_channels(struct transcription_request *req,
                                         const struct field *field, const char *text,
                                         struct api_error *e)
{
    return take_count(&req->raw.channels, 1, 9999, field, text, e);
}

/* One phrase a field: OpenAI's keywords[] and Deepgram's keyterm. */
static enum api_error_code take_phrase(struct transcription_request *req, const struct field *field,
                                       const char *text, struct api_error *e)
{
    return phrase_list_add(&req->phrases, field->name, text, strlen(text), PHRASE_DEFAULT_WEIGHT,
                           e);
}

static enum api_error_code take_phrases(struct transcription_request *req,
                                        const struct field *field, const char *text,
                                        struct api_error *e)
{
    return phrase_list_add_json(&req->phrases, field->name, text, strlen(text), e);
}

static enum api_error_code take_flag(bool *to, const struct field *field, const char *text,
                                     struct api_error *e)
{
    *to = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!*to && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return api_fail(e, API_INVALID_VALUE, field->name, "%s must be true or false, not '%s'",
                        field->name, quote(text).text);
    return API_OK;
}

static enum api_error_code take_keep(struct transcription_request *req, const struct field *field,
                                     const char *text, struct api_error *e)
{
    return take_flag(&req->keep, field, text, e);
}

static enum api_error_code take_alternatives(struct transcription_request *req,
                                             const struct field *field, const char *text,
                                             struct api_error *e)
{
    return take_count(&req->n_alternatives, 1, MODEL_MAX_ALTERNATIVES, field, text, e);
}

static enum api_error_code take_alpha(struct transcription_request *req, const struct field *field,
                                      const char *text, struct api_error *e)
{
    return take_number(&req->alpha, 0, REQUEST_MAX_ALPHA, field, text, e);
}

static enum api_error_code take_beta(struct transcription_request *req, const struct field *field,
                                     const char *text, struct api_error *e)
{
    return take_number(&req->beta, -REQUEST_MAX_BETA, REQUEST_MAX_BETA, field, text, e);
}

static enum api_error_code take_include(struct transcription_request *req,
                                        const struct field *field, const char *text,
                                        struct api_error *e)
{
    if (strcmp(text, "logprobs") != 0)
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "Invalid value: '%s'. The only supported value is 'logprobs'.",
                        quote(text).text);
    req->logprobs = true;
    return API_OK;
}

/* ---- fields without effect ------------------------------------------------------------------- */

static enum api_error_code take_hint(struct transcription_request *req, const struct field *field,
                                     const char *text, struct api_error *e)
{
    (void)req;
    (void)field;
    (void)text;
    (void)e;
    return API_OK;
}

/* "auto" or a JSON object; recordings are always taken whole. */
static enum api_error_code take_chunking(struct transcription_request *req,
                                         const struct field *field, const char *text,
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

static enum api_error_code refuse(struct transcription_request *req, const struct field *field,
                                  const char *text, struct api_error *e)
{
    (void)req;
    (void)text;
    return api_fail(e, API_UNSUPPORTED_PARAMETER, field->name, "%s is not supported: %s",
                    field->name, field->advice);
}

static enum api_error_code take_stream(struct transcription_request *req, const struct field *field,
                                       const char *text, struct api_error *e)
{
    bool wanted = false;
    enum api_error_code code = take_flag(&wanted, field, text, e);

    return code == API_OK && wanted ? refuse(req, field, text, e) : code;
}

static const char no_speakers[] = "this server does not tell speakers apart. Leave the field out.";

static const struct field fields[] = {
    {"model", SCALAR, take_model, NULL, 0},
    {"language", SCALAR, take_language, NULL, 0},
    {"languages[]", LIST, take_languages, NULL, 0},
    {"response_format", SCALAR, take_format, NULL, 0},
    {"temperature", SCALAR, take_temperature, NULL, 0},
    {"timestamp_granularities[]", LIST, take_granularities, NULL, 0},
    {"channel", SCALAR, take_channel, NULL, 0},
    {"encoding", SCALAR, take_encoding, NULL, 0},
    {"sample_rate", SCALAR, take_sample_rate, NULL, 0},
    {"channels", SCALAR, take_channels, NULL, 0},
    {"keywords[]", LIST, take_phrase, NULL, 0},
    {"keyterm", LIST, take_phrase, NULL, 0},
    {"phrases", SCALAR, take_phrases, NULL, REQUEST_MAX_PHRASES_BYTES},
    {"alternatives", SCALAR, take_alternatives, NULL, 0},
    {"alpha", SCALAR, take_alpha, NULL, 0},
    {"beta", SCALAR, take_beta, NULL, 0},
    {"include[]", LIST, take_include, NULL, 0},
    {"keep", SCALAR, take_keep, NULL, 0},
    {"prompt", SCALAR, take_hint, NULL, 0},
    {"chunking_strategy", OBJECT, take_chunking, NULL, 0},
    {"stream", SCALAR, take_stream,
     "the transcript comes in one piece. Leave the field out or set it to false.", 0},
    {"known_speaker_names[]", LIST, refuse, no_speakers, 0},
    {"known_speaker_references[]", LIST, refuse, no_speakers, 0},
};
static const struct field redecode_fields[] = {
    {"id", SCALAR, take_id, NULL, 0},
    {"response_format", SCALAR, take_format, NULL, 0},
    {"timestamp_granularities[]", LIST, take_granularities, NULL, 0},
    {"keywords[]", LIST, take_phrase, NULL, 0},
    {"keyterm", LIST, take_phrase, NULL, 0},
    {"phrases", SCALAR, take_phrases, NULL, REQUEST_MAX_PHRASES_BYTES},
    {"alternatives", SCALAR, take_alternatives, NULL, 0},
    {"alpha", SCALAR, take_alpha, NULL, 0},
    {"beta", SCALAR, take_beta, NULL, 0},
    {"include[]", LIST, take_include, NULL, 0},
};
_Static_assert(COUNT(fields) <= 32, "fields_seen has a bit for each field");

/* ---- the request ------------------------------------------------------------------------------
 */

/* Whether `name` means the field; *member: one member of its object, named in brackets. */
static bool name_matches(const struct field *field, const char *name, bool *member)
{
    size_t n = strcspn(field->name, "[");
    const char *rest = name + n;

    *member = false;
    if (strncmp(name, field->name, n) != 0)
        return false;
    if (!*rest)
        return true;
    size_t n_rest = strlen(rest);
    if (field->shape == SCALAR || rest[0] != '[' || rest[n_rest - 1] != ']')
        return false;
    *member = field->shape == OBJECT;
    return *member || strspn(rest + 1, "0123456789") == n_rest - 2;
}

/* *place: its place in the table. */
static const struct field *find_field(const struct transcription_request *req, const char *name,
                                      size_t *place, bool *member)
{
    const struct field *table = req->redecode ? redecode_fields : fields;
    size_t n = req->redecode ? COUNT(redecode_fields) : COUNT(fields);

    for (*place = 0; *place < n; ++*place)
        if (name_matches(&table[*place], name, member))
            return &table[*place];
    return NULL;
}

static size_t max_bytes_of(const struct field *field)
{
    return field && field->max_bytes ? field->max_bytes : REQUEST_MAX_FIELD_BYTES;
}

size_t transcription_request_max_bytes(const struct transcription_request *req, const char *name)
{
    size_t place;
    bool member;

    return max_bytes_of(find_field(req, name, &place, &member));
}

bool transcription_request_is_list(const struct transcription_request *req, const char *name)
{
    size_t place;
    bool member;
    const struct field *field = find_field(req, name, &place, &member);

    return field && field->shape == LIST;
}

enum api_error_code transcription_request_field(struct transcription_request *req, const char *name,
                                                const char *value, size_t n_bytes,
                                                struct api_error *e)
{
    size_t place;
    bool member = false;
    const struct field *field = find_field(req, name, &place, &member);

    assert(value[n_bytes] == 0);
    if (!field)
        return API_OK;
    if (n_bytes > max_bytes_of(field))
        return api_fail(e, API_INVALID_VALUE, field->name, "%s is %zu bytes long, more than %zu",
                        field->name, n_bytes, max_bytes_of(field));
    if (memchr(value, 0, n_bytes) || !utf8_valid(value, n_bytes))
        return api_fail(e, API_INVALID_VALUE, field->name, "%s is not UTF-8 text", field->name);
    unsigned seen = 1U << place;
    if (field->shape == SCALAR && (req->fields_seen & seen))
        return api_fail(e, API_INVALID_REQUEST, field->name, "%s is given twice", field->name);
    req->fields_seen |= seen;
    /* Forms send fields that were left blank as empty; a member of an object is never more than a
     * hint. */
    if (n_bytes == 0 || member)
        return API_OK;
    return field->take(req, field, value, e);
}

/* Whether `list`, comma-separated, has `wanted`. */
static bool list_has(const char *list, const char *wanted)
{
    size_t n_wanted = strlen(wanted);

    for (;;) {
        size_t n = strcspn(list, ",");
        if (n == n_wanted && strncmp(list, wanted, n) == 0)
            return true;
        if (!list[n])
            return false;
        list += n + 1;
    }
}

static enum api_error_code check_languages(const struct transcription_request *req,
                                           const char *served, struct api_error *e)
{
    char one[sizeof(req->languages)];
    const char *at = req->languages;
    bool found = !*at;

    if (*req->language && !language_matches(req->language, served))
        return api_fail(e, API_INVALID_VALUE, "language",
                        "language '%s' is not served here. Use '%s' (%s) or leave the field out.",
                        quote(req->language).text, served, language_name(served));
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

/* Headerless audio needs its encoding and rate; elsewhere they would contradict the container. */
static enum api_error_code check_raw(const struct transcription_request *req, struct api_error *e)
{
    if (req->raw.encoding != RAW_NONE && req->raw.rate_hz == 0)
        return api_fail(e, API_MISSING_PARAMETER, "sample_rate",
                        "encoding says that the audio has no header: give its sample_rate too");
    if (req->raw.encoding == RAW_NONE && (req->raw.rate_hz || req->raw.channels))
        return api_fail(e, API_MISSING_PARAMETER, "encoding",
                        "%s is for audio without a header: give its encoding too, or leave it out",
                        req->raw.rate_hz ? "sample_rate" : "channels");
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

enum api_error_code transcription_request_finish(const struct transcription_request *req,
                                                 bool have_file, const char *served_model,
                                                 const char *aliases, const char *served_language,
                                                 struct api_error *e)
{
    enum api_error_code code;

    if (!*req->model)
        return api_fail(e, API_MISSING_PARAMETER, "model", "you must provide a model parameter");
    if (strcmp(req->model, served_model) != 0 && !list_has(aliases, req->model))
        return api_fail(e, API_MODEL_NOT_FOUND, "model",
                        "The model '%s' does not exist. Served here: '%s'%s%s.",
                        quote(req->model).text, served_model, *aliases ? ", also called " : "",
                        aliases);
    if (!have_file)
        return api_fail(e, API_MISSING_PARAMETER, "file", "you must provide a file parameter");
    code = check_format(req, e);
    if (code == API_OK)
        code = check_languages(req, served_language, e);
    if (code == API_OK)
        code = check_raw(req, e);
    return code;
}

enum api_error_code transcription_request_finish_redecode(const struct transcription_request *req,
                                                          bool have_file, struct api_error *e)
{
    if (!*req->id)
        return api_fail(e, API_MISSING_PARAMETER, "id",
                        "you must provide an id parameter: the X-Request-Id of a transcription "
                        "that was made with keep=true");
    if (have_file)
        return api_fail(e, API_UNSUPPORTED_PARAMETER, "file",
                        "file is not supported: what was kept is decoded again");
    return check_format(req, e);
}
