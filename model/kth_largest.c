#include "model/kth_largest.h"

static double median(double a, double b, double c)
{
    if (a < b)
        return b < c ? b : (a < c ? c : a);
    return a < c ? a : (b < c ? c : b);
}

double kth_largest(double *values, size_t n, size_t k)
{
    size_t low = 0, high = n - 1, target = k - 1; /* of the order from large to small */

    while (low < high) {
        double pivot = median(values[low], values[low + (high - low) / 2], values[high]);
        size_t i = low - 1, j = high + 1; /* low may be 0: i wraps round and back */
        /* Equal values stop both scans, so that many ties are halved and not walked through. One
         * of the three is not above the median and not at `high`, so j ends below `high`. */
        for (;;) {
            do
                i++;
            while (values[i] > pivot);
            do
                j--;
            while (values[j] < pivot);
            if (i >= j)
                break;
            double swap = values[i];
            values[i] = values[j];
            values[j] = swap;
        }
        if (target <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[low];
}
