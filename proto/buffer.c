#include "proto/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *b, size_t max_bytes)
{
    *b = (struct buffer){.max_bytes = max_bytes < SIZE_MAX ? max_bytes : SIZE_MAX - 1};
}

void buffer_free(struct buffer *b)
{
    free(b->bytes);
    *b = (struct buffer){.max_bytes = b->max_bytes};
}

/* Room for n_bytes more and the 0 behind them. */
static enum asr_status reserve(struct buffer *b, size_t n_bytes, struct asr_error *err)
{
    if (n_bytes > b->max_bytes - b->n_bytes)
        return asr_fail(err, ASR_ERR_LIMIT, "more than the limit of %zu bytes", b->max_bytes);
    size_t needed = b->n_bytes + n_bytes + 1;
    if (needed <= b->capacity)
        return ASR_OK;

    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity = capacity <= b->max_bytes / 2 ? capacity * 2 : b->max_bytes + 1;
    char *grown = realloc(b->bytes, capacity);
    if (!grown)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu bytes", capacity);
    b->bytes = grown;
    b->capacity = capacity;
    return ASR_OK;
}

enum asr_status buffer_append(struct buffer *b, const void *bytes, size_t n_bytes,
                              struct asr_error *err)
{
    enum asr_status st = reserve(b, n_bytes, err);
    if (st != ASR_OK)
        return st;
    if (n_bytes > 0)
        memcpy(b->bytes + b->n_bytes, bytes, n_bytes);
    b->n_bytes += n_bytes;
    b->bytes[b->n_bytes] = 0;
    return ASR_OK;
}

enum asr_status buffer_printf(struct buffer *b, struct asr_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n_bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n_bytes < 0)
        return asr_fail(err, ASR_ERR_INVALID, "text that cannot be formatted");
    enum asr_status st = reserve(b, (size_t)n_bytes, err);
    if (st != ASR_OK)
        return st;
    va_start(args, format);
    vsnprintf(b->bytes + b->n_bytes, (size_t)n_bytes + 1, format, args);
    va_end(args);
    b->n_bytes += (size_t)n_bytes;
    return ASR_OK;
}
