/* Any bytes as a config.json: refused, or a config that keeps what its header promises. */
#include <stdint.h>
#include <stdlib.h>

#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct model_config *config;
    struct asr_error err;

    if (model_config_parse(&config, (const char *)bytes, n_bytes, "fuzz", &err) != ASR_OK)
        return 0;
    if (config->blank >= config->n_tokens || config->word_separator >= config->n_tokens ||
        config->blank == config->word_separator || json_array_size(config->layers) == 0)
        abort();
    for (size_t i = 0; i < config->n_tokens; i++)
        if (!config->tokens[i][0])
            abort();
    model_config_free(config);
    return 0;
}
