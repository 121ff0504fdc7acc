/* search_response.h - the answer of POST /v1/search. */
#ifndef PROTO_SEARCH_RESPONSE_H
#define PROTO_SEARCH_RESPONSE_H

#include "audio/status.h"
#include "model/phrase_search.h"
#include "proto/buffer.h"
#include "proto/search_request.h"

/* Appends the whole body to *out; phrases are spelled as in the request. */
enum asr_status search_render(const struct phrase_hits *hits, const struct search_request *req,
                              double duration_seconds, struct buffer *out, struct asr_error *err);

#endif
