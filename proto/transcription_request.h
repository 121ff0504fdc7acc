/* transcription_request.h - OpenAI's POST /v1/audio/transcriptions: its fields, checked; and those
 * of POST /v1/redecode, which are the ones that concern the decoder and the answer, and an id.
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
#include "proto/phrase_list.h"

enum response_format {
    RESPONSE_JSON,
    RESPONSE_TEXT,
    RESPONSE_SRT,
    RESPONSE_VERBOSE_JSON,
    RESPONSE_VTT
};

enum {
    REQUEST_MAX_FIELD_BYTES = 16384,
    /* Of `phrases`: PHRASES_MAX of the longest, also where JSON escapes every character. */
    REQUEST_MAX_PHRASES_BYTES = 1 << 20,
    REQUEST_MAX_PARTS = PHRASES_MAX + 64 /* a phrase may be a part of its own */
};
/* Bounds of the decoder's weights that a request may set. */
#define REQUEST_MAX_ALPHA 10.0
#define REQUEST_MAX_BETA 10.0

/* Owns its phrases: transcription_request_free(). */

struct transcription_request {
    bool redecode;       /* which of the two it is */
    char id[128];        /* redecode: of what is decoded again; "" until given */
    bool keep;           /* transcription: for being decoded again */
    char model[128];     /* "" until given */
    char language[32];   /* "" unless given */
    char languages[256]; /* the languages[] given, comma-separated */
    enum response_format format;
    bool word_times, segment_times; /* verbose_json only */
    double temperature;             /* accepted, without effect: the decoder does not sample */
    struct raw_format raw;          /* encoding RAW_NONE: look at the container */
    int channel;                    /* CHANNEL_MIX or 0-based */
    struct phrase_list phrases;     /* of all fields that name some */
    unsigned n_alternatives;        /* 0 unless asked for */
    double alpha, beta;             /* NAN: the model's own */
    bool logprobs;                  /* json only */
    unsigned fields_seen;           /* private: which have been given */
};

void transcription_request_init(struct transcription_request *req);
void transcription_request_init_redecode(struct transcription_request *req);
void transcription_request_free(struct transcription_request *req);

/* The most bytes that a field may have; REQUEST_MAX_FIELD_BYTES for an unknown one. */
size_t transcription_request_max_bytes(const struct transcription_request *req, const char *name);

/* Whether a field may be given many times. */
bool transcription_request_is_list(const struct transcription_request *req, const char *name);

/* One field; value[n_bytes] is 0. Names as OpenAI's, `file` excepted. Unknown names are ignored,
 * as OpenAI does; known fields that we cannot honour and that would change the answer are refused
 * by name. */
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

/* The same for a redecode request. */
enum api_error_code transcription_request_finish_redecode(const struct transcription_request *req,
                                                          bool have_file, struct api_error *e);

/* API_UNSUPPORTED_PARAMETER when the request wants what the greedy decoder has not. */
enum api_error_code transcription_request_check_greedy(const struct transcription_request *req,
                                                       struct api_error *e);

#endif
