/* ngram_grow.h - the arrays of the language model compiler: what was read decides their size,
 * never what a file declares. */
#ifndef MODEL_NGRAM_GROW_H
#define MODEL_NGRAM_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* realloc()s `array` of *capacity elements so that it holds at least `wanted`, by halves again.
 * NULL when memory is refused or the size overflows; the old array is then still valid. */
static inline void *ngram_grow(void *array, size_t *capacity, size_t wanted, size_t element_bytes)
{
    size_t larger = *capacity + *capacity / 2 + 64;

    if (array && wanted <= *capacity)
        return array;
    if (larger < wanted)
        larger = wanted;
    if (larger > SIZE_MAX / 2 / element_bytes)
        return NULL;
    void *grown = realloc(array, larger * element_bytes);
    if (grown)
        *capacity = larger;
    return grown;
}

#endif
