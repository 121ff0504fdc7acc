/* kth_largest.h - selection: what keeps a beam at its width without sorting it. */
#ifndef MODEL_KTH_LARGEST_H
#define MODEL_KTH_LARGEST_H

#include <stddef.h>

/* The value that k - 1 others are not below (1 <= k <= n); `values`, without NaN, are reordered.
 * Linear time on average: Hoare's selection, the pivot a median of three. */
double kth_largest(double *values, size_t n, size_t k);

#endif
