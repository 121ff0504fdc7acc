/* json_writer.h - JSON text straight into a bounded buffer.
 *
 * Not a tree first (as jansson would have it): an hour of words is some 10,000 small objects that
 * are written once. Commas are the writer's business. The first failure sticks and later calls do
 * nothing, so that a body is written without a test after every field; ask json_write_finish() at
 * the end. The output is valid JSON whatever the bytes of a string are. */
#ifndef PROTO_JSON_WRITER_H
#define PROTO_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "audio/status.h"
#include "proto/buffer.h"

struct json_writer {
    struct buffer *out;
    struct asr_error *err;
    enum asr_status status;
    size_t start_bytes; /* what *out held before us */
    bool comma;         /* a value stands before this place */
};

void json_write_start(struct json_writer *w, struct buffer *out, struct asr_error *err);

/* `key` is NULL for the elements of an array and for the document itself. Keys are our own
 * literals: plain ASCII without quotes. */
void json_write_open(struct json_writer *w, const char *key, char bracket); /* '{' or '[' */
void json_write_close(struct json_writer *w, char bracket);                 /* '}' or ']' */
void json_write_text(struct json_writer *w, const char *key,
                     const char *text); /* NULL text: null */
void json_write_bytes(struct json_writer *w, const char *key, const char *text, size_t n_bytes);
void json_write_boolean(struct json_writer *w, const char *key, bool value);
void json_write_integer(struct json_writer *w, const char *key, int64_t value);

/* Rounded to `decimals` (0 to 9) places and written without trailing zeros, hence never as
 * 0.30000000000000004. What JSON has no number for, or is past 1e9, becomes null. */
void json_write_number(struct json_writer *w, const char *key, double value, unsigned decimals);

/* The first failure, or ASR_OK. After a failure *out is as it was at json_write_start(). */
enum asr_status json_write_finish(struct json_writer *w);

#endif
