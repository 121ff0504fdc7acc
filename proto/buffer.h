/* buffer.h - bytes that grow up to a stated limit; the only growing byte buffer of proto/ and
 * server/.
 *
 * Owned by whoever declared it: buffer_free(). One thread at a time. `bytes` is always followed
 * by a 0, so text can be used as a C string. */
#ifndef PROTO_BUFFER_H
#define PROTO_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

#include "audio/status.h"

struct buffer {
    char *bytes; /* NULL while empty and never grown */
    size_t n_bytes;
    size_t capacity;
    size_t max_bytes;
};

void buffer_init(struct buffer *b, size_t max_bytes);
void buffer_free(struct buffer *b);

/* ASR_ERR_LIMIT past max_bytes, ASR_ERR_NOMEM; the content is then unchanged. */
enum asr_status buffer_append(struct buffer *b, const void *bytes, size_t n_bytes,
                              struct asr_error *err);
enum asr_status buffer_printf(struct buffer *b, struct asr_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
