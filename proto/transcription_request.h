/* transcription_request.h - OpenAI's POST /v1/audio/transcriptions: its fields, checked; and those
 * of POST /v1/redecode, which are the ones that concern the decoder and the answer, and an id. */
#ifndef PROTO_TRANSCRIPTION_REQUEST_H
#define PROTO_TRANSCRIPTION_REQUEST_H

#include <stdbool.h>

#include "proto/audio_request.h"
#include "proto/phrase_list.h"

enum response_format {
    RESPONSE_JSON,
    RESPONSE_TEXT,
    RESPONSE_SRT,
    RESPONSE_VERBOSE_JSON,
    RESPONSE_VTT
};

/* Of `phrases`: PHRASES_MAX of the longest, also where JSON escapes every character. */
enum { REQUEST_MAX_PHRASES_BYTES = 1 << 20 };

/* Bounds of the decoder's weights that a request may set. */
#define REQUEST_MAX_ALPHA 10.0
#define REQUEST_MAX_BETA 10.0

struct transcription_request {
    struct audio_request audio; /* first */
    char id[128];               /* redecode: of what is decoded again; "" until given */
    bool keep;                  /* transcription: for being decoded again */
    char languages[256];        /* the languages[] given, comma-separated */
    enum response_format format;
    bool word_times, segment_times; /* verbose_json only */
    double temperature;             /* accepted, without effect: the decoder does not sample */
    struct phrase_list phrases;     /* of all fields that name some */
    unsigned n_alternatives;        /* 0 unless asked for */
    double alpha, beta;             /* NAN: the model's own */
    bool logprobs;                  /* json only */
};

/* Both of a struct transcription_request. */
extern const struct request_kind transcription_requests, redecode_requests;

/* Of one that is not from a client: all defaults. It owns its phrases. */
void transcription_request_init(struct transcription_request *req);
void transcription_request_free(struct transcription_request *req);

/* API_UNSUPPORTED_PARAMETER when the request wants what the greedy decoder has not. */
enum api_error_code transcription_request_check_greedy(const struct transcription_request *req,
                                                       struct api_error *e);

#endif
