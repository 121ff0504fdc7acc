#include "tests/support/alloc_fault.h"

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

/* Per thread, so that a worker thread's allocations never use up a test's countdown. */
static _Thread_local long countdown = -1;
static _Thread_local size_t total_bytes;

void fail_alloc(long nth)
{
    countdown = nth;
}

size_t bytes_asked_for(void)
{
    return total_bytes;
}

static bool must_fail(size_t bytes)
{
    total_bytes += bytes;
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return must_fail(bytes) ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return must_fail(count * bytes) ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return must_fail(bytes) ? NULL : __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return must_fail(bytes) ? NULL : __real_aligned_alloc(alignment, bytes);
}
