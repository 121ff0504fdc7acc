/* audio_request.c - see audio_request.h. */
#include "proto/audio_request.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "audio/front_end.h"
#include "proto/language.h"
#include "proto/utf8.h"

void audio_request_init(struct audio_request *req, const struct request_kind *kind)
{
    memset(req, 0, kind->request_bytes);
    req->kind = kind;
    req->channel = CHANNEL_MIX;
    req->raw.encoding = RAW_NONE;
    if (kind->init)
        kind->init(req);
}

void audio_request_release(struct audio_request *req)
{
    if (req->kind->release)
        req->kind->release(req);
}

/* ---- values ---------------------------------------------------------------------------------- */

static struct utf8_quote quote(const char *text)
{
    return utf8_quote(text, strlen(text));
}

enum api_error_code request_take_text(char *to, size_t capacity, const struct request_field *field,
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
enum api_error_code request_take_count(unsigned *to, unsigned min, unsigned max,
                                       const struct request_field *field, const char *text,
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

enum api_error_code request_take_number(double *to, double min, double max,
                                        const struct request_field *field, const char *text,
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

/* ---- the fields of every kind ---------------------------------------------------------------- */

static enum api_error_code take_model(struct audio_request *req, const struct request_field *field,
                                      const char *text, struct api_error *e)
{
    return request_take_text(req->model, sizeof(req->model), field, text, e);
}

static enum api_error_code take_language(struct audio_request *req,
                                         const struct request_field *field, const char *text,
                                         struct api_error *e)
{
    return request_take_text(req->language, sizeof(req->language), field, text, e);
}

static enum api_error_code take_channel(struct audio_request *req,
                                        const struct request_field *field, const char *text,
                                        struct api_error *e)
{
    enum { MAX_CHANNEL = 9999 }; /* whether the recording has it is front_end_extract()'s to say */
    unsigned channel = 0;

    if (strcmp(text, "mix") == 0) {
        req->channel = CHANNEL_MIX;
        return API_OK;
    }
    enum api_error_code code = request_take_count(&channel, 0, MAX_CHANNEL, field, text, e);
    if (code == API_OK)
        req->channel = (int)channel;
    return code;
}

static enum api_error_code take_encoding(struct audio_request *req,
                                         const struct request_field *field, const char *text,
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

static enum api_error_code take_sample_rate(struct audio_request *req,
                                            const struct request_field *field, const char *text,
                                            struct api_error *e)
{
    return request_take_count(&req->raw.rate_hz, 1, 999999999, field, text, e);
}

static enum api_error_code take_channels(struct audio_request *req,
                                         const struct request_field *field, const char *text,
                                         struct api_error *e)
{
    if (strcmp(text, "separate") == 0) {
        req->separate = true;
        return API_OK;
    }
    return request_take_count(&req->raw.channels, 1, 9999, field, text, e);
}

enum api_error_code request_take_priority(struct audio_request *req,
                                          const struct request_field *field, const char *text,
                                          struct api_error *e)
{
    req->bulk = strcmp(text, "bulk") == 0;
    if (!req->bulk && strcmp(text, "live") != 0)
        return api_fail(e, API_INVALID_VALUE, field->name,
                        "Invalid value: '%s'. Supported values are: 'live' and 'bulk'.",
                        quote(text).text);
    return API_OK;
}

static const struct request_field fields[] = {
    {"model", FIELD_SCALAR, take_model, NULL, 0},
    {"language", FIELD_SCALAR, take_language, NULL, 0},
    {"channel", FIELD_SCALAR, take_channel, NULL, 0},
    {"encoding", FIELD_SCALAR, take_encoding, NULL, 0},
    {"sample_rate", FIELD_SCALAR, take_sample_rate, NULL, 0},
    {"channels", FIELD_SCALAR, take_channels, NULL, 0},
    {"priority", FIELD_SCALAR, request_take_priority, NULL, 0},
};
const struct field_table recording_fields = {fields, COUNT(fields)};

/* ---- the request ------------------------------------------------------------------------------
 */

/* Whether `name` means the field; *member: one member of its object, named in brackets. */
static bool name_matches(const struct request_field *field, const char *name, bool *member)
{
    size_t n = strcspn(field->name, "[");
    const char *rest = name + n;

    *member = false;
    if (strncmp(name, field->name, n) != 0)
        return false;
    if (!*rest)
        return true;
    size_t n_rest = strlen(rest);
    if (field->shape == FIELD_SCALAR || rest[0] != '[' || rest[n_rest - 1] != ']')
        return false;
    *member = field->shape == FIELD_OBJECT;
    return *member || strspn(rest + 1, "0123456789") == n_rest - 2;
}

/* NULL when no row means `name`; *seen: its bit. */
static const struct request_field *find_field(const struct request_kind *kind, const char *name,
                                              uint32_t *seen, bool *member)
{
    *seen = 1;
    for (size_t k = 0; k < REQUEST_MAX_TABLES && kind->tables[k]; k++) {
        const struct field_table *table = kind->tables[k];
        for (size_t i = 0; i < table->n_fields; i++, *seen <<= 1) {
            assert(*seen); /* fields_seen has a bit for each */
            if (name_matches(&table->fields[i], name, member))
                return &table->fields[i];
        }
    }
    return NULL;
}

static size_t max_bytes_of(const struct request_field *field)
{
    return field && field->max_bytes ? field->max_bytes : REQUEST_MAX_FIELD_BYTES;
}

size_t audio_request_max_bytes(const struct audio_request *req, const char *name)
{
    bool member;
    uint32_t seen;

    return max_bytes_of(find_field(req->kind, name, &seen, &member));
}

bool audio_request_is_list(const struct audio_request *req, const char *name)
{
    bool member;
    uint32_t seen;
    const struct request_field *field = find_field(req->kind, name, &seen, &member);

    return field && field->shape == FIELD_LIST;
}

enum api_error_code audio_request_field(struct audio_request *req, const char *name,
                                        const char *value, size_t n_bytes, struct api_error *e)
{
    bool member = false;
    uint32_t seen;
    const struct request_field *field = find_field(req->kind, name, &seen, &member);

    assert(value[n_bytes] == 0);
    if (!field)
        return API_OK;
    size_t max_bytes = max_bytes_of(field);
    if (n_bytes > max_bytes)
        return api_fail(e, API_INVALID_VALUE, field->name, "%s is %zu bytes long, more than %zu",
                        field->name, n_bytes, max_bytes);
    if (memchr(value, 0, n_bytes) || !utf8_valid(value, n_bytes))
        return api_fail(e, API_INVALID_VALUE, field->name, "%s is not UTF-8 text", field->name);
    if (field->shape == FIELD_SCALAR && (req->fields_seen & seen))
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

static enum api_error_code check_channels(const struct audio_request *req, struct api_error *e)
{
    if (!req->separate)
        return API_OK;
    if (!req->kind->separates)
        return api_fail(
            e, API_UNSUPPORTED_PARAMETER, "channels",
            "channels 'separate' is for transcriptions: choose one with `channel` here");
    if (req->channel != CHANNEL_MIX)
        return api_fail(
            e, API_INVALID_REQUEST, "channel",
            "channel picks channel %d, where every channel is asked for: leave one of the "
            "two out",
            req->channel);
    return API_OK;
}

/* Headerless audio needs its encoding and rate; elsewhere they would contradict the container. */
static enum api_error_code check_raw(const struct audio_request *req, struct api_error *e)
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

static enum api_error_code check_model(const struct audio_request *req, const struct served *served,
                                       struct api_error *e)
{
    if (!*req->model)
        return api_fail(e, API_MISSING_PARAMETER, "model", "you must provide a model parameter");
    if (strcmp(req->model, served->model) == 0 || list_has(served->aliases, req->model))
        return API_OK;
    return api_fail(e, API_MODEL_NOT_FOUND, "model",
                    "The model '%s' does not exist. Served here: '%s'%s%s.", quote(req->model).text,
                    served->model, *served->aliases ? ", also called " : "", served->aliases);
}

static enum api_error_code check_recording(const struct audio_request *req, bool have_file,
                                           const struct served *served, struct api_error *e)
{
    enum api_error_code code = check_model(req, served, e);

    if (code != API_OK)
        return code;
    if (!have_file)
        return api_fail(e, API_MISSING_PARAMETER, "file", "you must provide a file parameter");
    if (*req->language && !language_matches(req->language, served->language))
        return api_fail(e, API_INVALID_VALUE, "language",
                        "language '%s' is not served here. Use '%s' (%s) or leave the field out.",
                        quote(req->language).text, served->language,
                        language_name(served->language));
    code = check_channels(req, e);
    return code == API_OK ? check_raw(req, e) : code;
}

enum api_error_code audio_request_finish(const struct audio_request *req, bool have_file,
                                         const struct served *served, struct api_error *e)
{
    enum api_error_code code = API_OK;

    if (!req->kind->without_audio)
        code = check_recording(req, have_file, served, e);
    else if (have_file)
        code = api_fail(e, API_UNSUPPORTED_PARAMETER, "file",
                        "file is not supported: what was kept is decoded again");
    return code == API_OK && req->kind->check ? req->kind->check(req, served, e) : code;
}
