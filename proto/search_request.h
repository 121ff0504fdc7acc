/* search_request.h - POST /v1/search: a recording and phrases to look for in it. */
#ifndef PROTO_SEARCH_REQUEST_H
#define PROTO_SEARCH_REQUEST_H

#include "proto/audio_request.h"
#include "proto/phrase_list.h"

#define SEARCH_MIN_SCORE 0.3 /* unless min_score is given */

struct search_request {
    struct audio_request audio; /* first */
    struct phrase_list phrases; /* owned; weights mean nothing here */
    double min_score;
};

extern const struct request_kind search_requests;

#endif
