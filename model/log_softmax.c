#include "model/log_softmax.h"

#include <math.h>

void log_softmax(float *values, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++, values += width) {
        float highest = -INFINITY;
        double sum = 0;
        for (size_t j = 0; j < width; j++)
            highest = values[j] > highest ? values[j] : highest;
        for (size_t j = 0; j < width; j++)
            sum += (double)expf(values[j] - highest);
        double log_sum = highest + log(sum);
        for (size_t j = 0; j < width; j++)
            values[j] = (float)(values[j] - log_sum);
    }
}
