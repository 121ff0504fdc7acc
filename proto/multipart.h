/* multipart.h - multipart/form-data (RFC 7578, framing of RFC 2046 section 5.1), parsed as it
 * arrives.
 *
 * A push parser without sockets: feed it pieces of any size. Names, file names and part headers
 * are bounded; part data is handed on in place, never collected here. */
#ifndef PROTO_MULTIPART_H
#define PROTO_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

struct multipart;

/* One part's headers, valid during the callback. `filename` and `content_type` may be NULL. */
struct multipart_part {
    const char *name;
    const char *filename;
    const char *content_type;
};

/* Each returns ASR_OK or the error that multipart_push() is to return (filling *err). */
struct multipart_events {
    enum asr_status (*begin)(void *ctx, const struct multipart_part *part, struct asr_error *err);
    enum asr_status (*data)(void *ctx, const char *bytes, size_t n_bytes, struct asr_error *err);
    enum asr_status (*end)(void *ctx, struct asr_error *err);
};

struct multipart_limits {
    size_t max_parts;
    size_t max_header_bytes; /* of one part */
};

/* `content_type` is the request's header, e.g. multipart/form-data; boundary=x. ASR_ERR_FORMAT
 * without a boundary of 1 to 70 characters. */
enum asr_status multipart_new(struct multipart **out, const char *content_type,
                              const struct multipart_limits *limits,
                              const struct multipart_events *events, void *ctx,
                              struct asr_error *err);
void multipart_free(struct multipart *mp); /* NULL is fine */

/* ASR_ERR_FORMAT (what broke), ASR_ERR_LIMIT, or what a callback returned. After a failure the
 * parser takes no more. Does not allocate. */
enum asr_status multipart_push(struct multipart *mp, const char *bytes, size_t n_bytes,
                               struct asr_error *err);

/* ASR_ERR_FORMAT unless the closing boundary has been seen. */
enum asr_status multipart_finish(const struct multipart *mp, struct asr_error *err);

#endif
