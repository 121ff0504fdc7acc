/* log_softmax.h - logits -> natural-log posteriors, row by row, in place. */
#ifndef MODEL_LOG_SOFTMAX_H
#define MODEL_LOG_SOFTMAX_H

#include <stddef.h>

/* values[rows, width]; each row's exp() then sums to 1. Stable for any finite logits. */
void log_softmax(float *values, size_t rows, size_t width);

#endif
