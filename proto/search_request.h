/* search_request.h - POST /v1/search: a recording and phrases to look for in it. */
#ifndef PROTO_SEARCH_REQUEST_H
#define PROTO_SEARCH_REQUEST_H

#include "proto/audio_request.h"
#include "proto/phrase_list.h"

/* Unless min_score is given. The lowest whose F1 is within 0.02 of the best on read and on
 * telephone speech, for words and for pairs of words (tests/bench/search.py): a search is for what
 * the transcript has missed. Pairs in read speech: 80 % are found, 78 % of the hits are right; the
 * transcript has 55 % of them. */
#define SEARCH_MIN_SCORE 0.4

struct search_request {
    struct audio_request audio; /* first */
    struct phrase_list phrases; /* owned; weights mean nothing here */
    double min_score;
};

extern const struct request_kind search_requests;

#endif
