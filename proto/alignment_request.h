/* alignment_request.h - POST /v1/alignments: a recording and the text that was said in it. */
#ifndef PROTO_ALIGNMENT_REQUEST_H
#define PROTO_ALIGNMENT_REQUEST_H

#include "proto/audio_request.h"

/* Of `text`; some five hours of speech. */
enum { ALIGNMENT_MAX_TEXT_BYTES = 256 << 10 };

struct alignment_request {
    struct audio_request audio; /* first */
    char *text;                 /* owned; NULL until given */
};

extern const struct request_kind alignment_requests;

#endif
