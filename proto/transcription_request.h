/* transcription_request.h - OpenAI's POST /v1/audio/transcriptions: its fields, checked.
 *
 * Fields arrive one by one, from multipart parts or from the query of a raw-body request (raw
 * bodies may also state encoding, sample_rate and channels of headerless audio). The audio
 * itself is not held here. */
#ifndef PROTO_TRANSCRIPTION_REQUEST_H
#define PROTO_TRANSCRIPTION_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/decode.h"
#include "proto/api_error.h"

enum response_format {
    RESPONSE_JSON,
    RESPONSE_TEXT,
    RESPONSE_SRT,
    RESPONSE_VERBOSE_JSON,
    RESPONSE_VTT
};

enum { REQUEST_MAX_FIELD_BYTES = 16384, REQUEST_MAX_PARTS = 64 };

struct transcription_request {
    char model[128];     /* "" until given */
    char language[32];   /* "" unless given */
    char languages[256]; /* the languages[] given, comma-separated */
    enum response_format format;
    bool word_times, segment_times; /* verbose_json only */
    double temperature;             /* accepted, without effect: the decoder does not sample */
    struct raw_format raw;          /* encoding RAW_NONE: look at the container */
    int channel;                    /* CHANNEL_MIX or 0-based */
    unsigned fields_seen;           /* private: which have been given */
};

void transcription_request_init(struct transcription_request *req);

/* One field. Names as OpenAI's, `file` excepted. Unknown names are ignored, as OpenAI does;
 * known fields that we cannot honour and that would change the answer are refused by name. */
enum api_error_code transcription_request_field(struct transcription_request *req, const char *name,
                                                const char *value, size_t n_bytes,
                                                struct api_error *e);

/* After the last field: what must be there is there and fits together. `have_file` is false
 * when no audio came; `served_model`, its aliases (comma-separated) and `served_language` are what
 * the daemon serves. */
enum api_error_code transcription_request_finish(const struct transcription_request *req,
                                                 bool have_file, const char *served_model,
                                                 const char *aliases, const char *served_language,
                                                 struct api_error *e);

#endif
