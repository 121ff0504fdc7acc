/* log_add.h - ln(e^a + e^b), for sums of probabilities that are kept as natural logs. */
#ifndef MODEL_LOG_ADD_H
#define MODEL_LOG_ADD_H

#include <math.h>

/* Past this difference the smaller term is below half a unit in the last place of 1: adding it
 * changes nothing that a double can show. Also what makes -INFINITY safe: the difference of two
 * is NaN, which is not below the limit, so a is returned. Most sums of a CTC search end here. */
#define LOG_ADD_NEGLIGIBLE 37.0

static inline double log_add(double a, double b)
{
    double high = a < b ? b : a, difference = fabs(a - b);

    return difference < LOG_ADD_NEGLIGIBLE ? high + log1p(exp(-difference)) : high;
}

#endif
