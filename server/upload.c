#include "server/upload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/count.h"
#include "proto/json_form.h"
#include "proto/multipart.h"
#include "proto/utf8.h"

enum { MAX_PART_HEADER_BYTES = 8192, MAX_FIELD_NAME = 127 };
/* Of a JSON body: phrases and all. */
enum { MAX_JSON_BYTES = 2 << 20 };

struct upload {
    struct multipart *multipart;   /* NULL when raw */
    struct audio_request *request; /* of its kind's size */
    struct buffer audio;           /* or the JSON object */
    struct buffer field;           /* the value being collected */
    char name[MAX_FIELD_NAME + 1]; /* its name */
    bool in_file, has_file;
    struct api_error failure; /* of a callback: what multipart_push() cannot carry */
};

/* ---- multipart --------------------------------------------------------------------------------
 */

/* Keeps the api_error and gives the parser something to stop on. */
static enum asr_status stop(struct asr_error *err, enum api_error_code code)
{
    return code == API_OK ? ASR_OK : asr_fail(err, ASR_ERR_INVALID, "a field is refused");
}

static enum asr_status begin_part(void *ctx, const struct multipart_part *part,
                                  struct asr_error *err)
{
    struct upload *u = ctx;
    size_t n_name = strlen(part->name);

    u->in_file = strcmp(part->name, "file") == 0;
    if (u->in_file && u->has_file)
        return stop(err, api_fail(&u->failure, API_INVALID_REQUEST, "file", "file is given twice"));
    u->has_file = u->has_file || u->in_file;
    if (n_name > MAX_FIELD_NAME)
        return stop(err, api_fail(&u->failure, API_INVALID_REQUEST, NULL,
                                  "the field name '%s' is longer than %d bytes",
                                  utf8_quote(part->name, n_name).text, MAX_FIELD_NAME));
    memcpy(u->name, part->name, n_name + 1);
    u->field.n_bytes = 0;
    u->field.max_bytes = audio_request_max_bytes(u->request, u->name) + 1;
    return buffer_append(&u->field, "", 0, err); /* also an empty value is a text */
}

static enum asr_status add_audio(struct upload *u, const char *bytes, size_t n_bytes,
                                 struct asr_error *err)
{
    enum asr_status st = buffer_append(&u->audio, bytes, n_bytes, err);

    if (st == ASR_ERR_LIMIT)
        api_fail(&u->failure, API_BODY_TOO_LARGE, NULL, "the %s has %s",
                 u->request->kind->without_audio ? "JSON object" : "recording", err->text);
    return st;
}

static enum asr_status part_data(void *ctx, const char *bytes, size_t n_bytes,
                                 struct asr_error *err)
{
    struct upload *u = ctx;

    if (u->in_file)
        return add_audio(u, bytes, n_bytes, err);
    /* One byte too many is enough to see that a value is too long, if anybody asks for it. */
    size_t room = u->field.max_bytes - u->field.n_bytes;
    return buffer_append(&u->field, bytes, n_bytes < room ? n_bytes : room, err);
}

static enum asr_status end_part(void *ctx, struct asr_error *err)
{
    struct upload *u = ctx;

    if (u->in_file)
        return ASR_OK;
    return stop(err, audio_request_field(u->request, u->name, u->field.bytes, u->field.n_bytes,
                                         &u->failure));
}

static enum api_error_code fail_of(struct upload *u, const struct asr_error *err,
                                   struct api_error *e)
{
    if (u->failure.code != API_OK) {
        *e = u->failure;
        return e->code;
    }
    if (err->status == ASR_ERR_NOMEM)
        return api_fail(e, API_OVERLOADED, NULL, "%s", err->text);
    return api_fail(e, API_INVALID_REQUEST, NULL, "%s", err->text);
}

/* ---- both -------------------------------------------------------------------------------------
 */

static bool has_type(const char *content_type, const char *type)
{
    size_t n = strlen(type);

    return strncasecmp(content_type, type, n) == 0 &&
           (type[n - 1] == '/' || strchr("; \t", content_type[n]));
}

static bool is_raw_type(const char *content_type)
{
    static const char *const types[] = {"audio/", "video/", "application/octet-stream",
                                        "application/ogg"};

    for (size_t i = 0; i < COUNT(types); i++)
        if (has_type(content_type, types[i]))
            return true;
    return false;
}

static bool is_body_type(const struct upload *u, const char *content_type)
{
    if (!content_type)
        return true;
    return u->request->kind->without_audio ? has_type(content_type, "application/json")
                                           : is_raw_type(content_type);
}

static enum api_error_code choose_form(struct upload *u, const char *content_type,
                                       struct api_error *e)
{
    static const struct multipart_limits limits = {REQUEST_MAX_PARTS, MAX_PART_HEADER_BYTES};
    static const struct multipart_events events = {begin_part, part_data, end_part};
    struct asr_error err;

    if (is_body_type(u, content_type))
        return API_OK;
    if (!has_type(content_type, "multipart/form-data"))
        return api_fail(e, API_UNSUPPORTED_MEDIA_TYPE, NULL,
                        "Content-Type '%s' is not supported: send multipart/form-data, or %s",
                        utf8_quote(content_type, strlen(content_type)).text,
                        u->request->kind->without_audio
                            ? "a JSON object as application/json"
                            : "the recording alone as audio/* or application/octet-stream");
    if (multipart_new(&u->multipart, content_type, &limits, &events, u, &err) != ASR_OK)
        return fail_of(u, &err, e);
    return API_OK;
}

enum api_error_code upload_new(struct upload **out, const struct request_kind *requests,
                               const char *content_type, size_t max_bytes, struct api_error *e)
{
    struct upload *u = calloc(1, sizeof(*u));

    *out = NULL;
    if (!u)
        return api_fail(e, API_OVERLOADED, NULL, "out of memory for a request");
    u->request = malloc(requests->request_bytes);
    if (!u->request) {
        upload_free(u);
        return api_fail(e, API_OVERLOADED, NULL, "out of memory for a request");
    }
    audio_request_init(u->request, requests);
    buffer_init(&u->audio, requests->without_audio ? MAX_JSON_BYTES : max_bytes);
    buffer_init(&u->field, 0);
    enum api_error_code code = choose_form(u, content_type, e);
    if (code != API_OK) {
        upload_free(u);
        return code;
    }
    *out = u;
    return API_OK;
}

void upload_free(struct upload *u)
{
    if (!u)
        return;
    multipart_free(u->multipart);
    if (u->request)
        audio_request_release(u->request);
    free(u->request);
    buffer_free(&u->audio);
    buffer_free(&u->field);
    free(u);
}

bool upload_is_raw(const struct upload *u)
{
    return !u->multipart;
}

enum api_error_code upload_field(struct upload *u, const char *name, const char *value,
                                 size_t n_bytes, struct api_error *e)
{
    return audio_request_field(u->request, name, value, n_bytes, e);
}

enum api_error_code upload_push(struct upload *u, const char *bytes, size_t n_bytes,
                                struct api_error *e)
{
    struct asr_error err = {0};
    enum asr_status st;

    if (u->multipart) {
        st = multipart_push(u->multipart, bytes, n_bytes, &err);
    } else {
        u->has_file = !u->request->kind->without_audio;
        st = add_audio(u, bytes, n_bytes, &err);
    }
    return st == ASR_OK ? API_OK : fail_of(u, &err, e);
}

enum api_error_code upload_finish(struct upload *u, struct api_error *e)
{
    struct asr_error err;

    if (u->multipart && multipart_finish(u->multipart, &err) != ASR_OK)
        return api_fail(e, API_INVALID_REQUEST, NULL, "%s", err.text);
    if (!u->multipart && u->request->kind->without_audio && u->audio.n_bytes > 0)
        return json_form_read(u->request, u->audio.bytes, u->audio.n_bytes, e);
    return API_OK;
}

const struct audio_request *upload_request(const struct upload *u)
{
    return u->request;
}

bool upload_has_file(const struct upload *u)
{
    return u->has_file;
}

const struct buffer *upload_audio(const struct upload *u)
{
    return &u->audio;
}
