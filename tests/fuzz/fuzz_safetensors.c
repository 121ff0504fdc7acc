/* Any bytes: refused, or every tensor that a network would ask for can be loaded or is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "audio/count.h"
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char *const names[] = {"a", "b", "w", "x", "output.weight", "output.bias"};
    struct safetensors *st;
    struct asr_error err;

    if (safetensors_parse(&st, bytes, n_bytes, "fuzz", &err) != ASR_OK)
        return 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t rank = 0; rank <= 2; rank++) {
            size_t shape[2] = {0, 0};
            float *values;
            if (safetensors_shape(st, names[i], rank, shape, &err) == ASR_OK &&
                safetensors_load_f32(st, names[i], rank, shape, &values, &err) == ASR_OK)
                free(values);
        }
    }
    safetensors_close(st);
    return 0;
}
