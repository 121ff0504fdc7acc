/* alloc_fault.h - makes one allocation fail, and counts the bytes asked for, over the linker's
 * --wrap=malloc,calloc,realloc,aligned_alloc.
 *
 * fail_alloc(n): the n-th allocation from now (0 is the next) returns NULL; -1 switches it off.
 * For single-threaded tests. Allocations inside shared libraries are not seen. */
#ifndef TESTS_SUPPORT_ALLOC_FAULT_H
#define TESTS_SUPPORT_ALLOC_FAULT_H

#include <stddef.h>

void fail_alloc(long nth);

/* By this thread since it began, whether freed since or not; an upper bound of any growth. */
size_t bytes_asked_for(void);

#endif
