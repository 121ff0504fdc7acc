/* api_error.h - one table from error code to HTTP status and type, and OpenAI's error object.
 *
 *   {"error":{"message":"...","type":"invalid_request_error","param":"file","code":"..."}} */
#ifndef PROTO_API_ERROR_H
#define PROTO_API_ERROR_H

#include "audio/status.h"
#include "proto/buffer.h"

enum api_error_code {
    API_OK = 0,
    API_INVALID_REQUEST,        /* 400: malformed multipart, header or query */
    API_MISSING_PARAMETER,      /* 400 */
    API_INVALID_VALUE,          /* 400 */
    API_UNSUPPORTED_PARAMETER,  /* 400: a field that would change the answer and that we lack */
    API_INVALID_AUDIO,          /* 400: broken, or not audio */
    API_UNSUPPORTED_FORMAT,     /* 400: recognised, but not decodable here */
    API_AUDIO_OVER_LIMIT,       /* 400: duration, rate, channels */
    API_MODEL_NOT_FOUND,        /* 404 */
    API_NOT_FOUND,              /* 404: no such route */
    API_NOT_KEPT,               /* 404: nothing to decode again under this id */
    API_METHOD_NOT_ALLOWED,     /* 405 */
    API_REQUEST_TIMEOUT,        /* 408: the body came too slowly */
    API_BODY_TOO_LARGE,         /* 413 */
    API_UNSUPPORTED_MEDIA_TYPE, /* 415: Content-Type of the request */
    API_TEXT_DOES_NOT_FIT,      /* 422: no way to say it in the recording's time */
    API_UNKNOWN_CHARACTERS,     /* 422: that the model does not have */
    API_WORK_OVER_LIMIT,        /* 422: recording and text or phrases are too much together */
    API_HEADERS_TOO_LARGE,      /* 431 */
    API_INTERNAL,               /* 500 */
    API_OVERLOADED,             /* 503, with Retry-After */
    API_NOT_READY,              /* 503 while loading or draining */
    API_ERROR_COUNT
};

struct api_error {
    enum api_error_code code;
    const char *param; /* static name of the offending field, or NULL */
    char message[400];
};

struct api_error_row {
    const char *code;     /* "invalid_value" */
    unsigned http_status; /* 400 */
    const char *type;     /* "invalid_request_error" */
};

const struct api_error_row *api_error_row(enum api_error_code code);

/* Fills *e and returns `code`. */
enum api_error_code api_fail(struct api_error *e, enum api_error_code code, const char *param,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An asr_error that came of a recording (`param` is "file") as an api_error. */
enum api_error_code api_error_of_audio(struct api_error *e, const struct asr_error *err);

/* The JSON error object. */
enum asr_status api_error_render(const struct api_error *e, struct buffer *out,
                                 struct asr_error *err);

#endif
