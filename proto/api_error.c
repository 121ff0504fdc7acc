#include "proto/api_error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/json_writer.h"

/* Codes that OpenAI's API has are spelled as there; proto/openapi.yaml lists them all. */
static const struct api_error_row rows[API_ERROR_COUNT] = {
    [API_OK] = {"ok", 200, ""},
    [API_INVALID_REQUEST] = {"invalid_request", 400, "invalid_request_error"},
    [API_MISSING_PARAMETER] = {"missing_required_parameter", 400, "invalid_request_error"},
    [API_INVALID_VALUE] = {"invalid_value", 400, "invalid_request_error"},
    [API_UNSUPPORTED_PARAMETER] = {"unsupported_parameter", 400, "invalid_request_error"},
    [API_INVALID_AUDIO] = {"invalid_audio", 400, "invalid_request_error"},
    [API_UNSUPPORTED_FORMAT] = {"unsupported_format", 400, "invalid_request_error"},
    [API_AUDIO_OVER_LIMIT] = {"audio_over_limit", 400, "invalid_request_error"},
    [API_MODEL_NOT_FOUND] = {"model_not_found", 404, "invalid_request_error"},
    [API_NOT_FOUND] = {"unknown_url", 404, "invalid_request_error"},
    [API_NOT_KEPT] = {"not_kept", 404, "invalid_request_error"},
    [API_METHOD_NOT_ALLOWED] = {"method_not_supported", 405, "invalid_request_error"},
    [API_REQUEST_TIMEOUT] = {"request_timeout", 408, "invalid_request_error"},
    [API_BODY_TOO_LARGE] = {"body_too_large", 413, "invalid_request_error"},
    [API_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", 415, "invalid_request_error"},
    [API_TEXT_DOES_NOT_FIT] = {"text_does_not_fit", 422, "invalid_request_error"},
    [API_UNKNOWN_CHARACTERS] = {"unknown_characters", 422, "invalid_request_error"},
    [API_WORK_OVER_LIMIT] = {"work_over_limit", 422, "invalid_request_error"},
    [API_HEADERS_TOO_LARGE] = {"headers_too_large", 431, "invalid_request_error"},
    [API_INTERNAL] = {"internal_error", 500, "server_error"},
    [API_OVERLOADED] = {"overloaded", 503, "server_error"},
    [API_NOT_READY] = {"not_ready", 503, "server_error"},
};

const struct api_error_row *api_error_row(enum api_error_code code)
{
    assert(code >= API_OK && code < API_ERROR_COUNT);
    return &rows[code];
}

enum api_error_code api_fail(struct api_error *e, enum api_error_code code, const char *param,
                             const char *format, ...)
{
    va_list args;

    e->code = code;
    e->param = param;
    va_start(args, format);
    vsnprintf(e->message, sizeof(e->message), format, args);
    va_end(args);
    return code;
}

enum api_error_code api_error_of_audio(struct api_error *e, const struct asr_error *err)
{
    enum api_error_code code = API_INTERNAL;

    switch (err->status) {
    case ASR_ERR_FORMAT:
        code = API_INVALID_AUDIO;
        break;
    case ASR_ERR_UNSUPPORTED:
        code = API_UNSUPPORTED_FORMAT;
        break;
    case ASR_ERR_LIMIT:
        code = API_AUDIO_OVER_LIMIT;
        break;
    case ASR_ERR_INVALID:
        code = API_INVALID_VALUE;
        break;
    case ASR_ERR_NOMEM: /* these pass when other requests have ended: worth a retry */
    case ASR_ERR_DROPPED:
        return api_fail(e, API_OVERLOADED, NULL, "%s", err->text);
    case ASR_ERR_IO:
    case ASR_OK:
        return api_fail(e, API_INTERNAL, NULL, "%s", err->text);
    }
    return api_fail(e, code, "file", "%s", err->text);
}

enum asr_status api_error_render(const struct api_error *e, struct buffer *out,
                                 struct asr_error *err)
{
    const struct api_error_row *row = api_error_row(e->code);
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    json_write_open(&w, "error", '{');
    json_write_text(&w, "message", e->message);
    json_write_text(&w, "type", row->type);
    json_write_text(&w, "param", e->param);
    json_write_text(&w, "code", row->code);
    json_write_close(&w, '}');
    json_write_close(&w, '}');
    return json_write_finish(&w);
}
