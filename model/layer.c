#include "model/layer.h"

size_t batch_rows(const struct batch *batch)
{
    size_t rows = 0;
    for (size_t u = 0; u < batch->count; u++)
        rows += batch->lengths[u];
    return rows;
}
