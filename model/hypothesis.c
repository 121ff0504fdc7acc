#include "model/hypothesis.h"

#include <stdlib.h>

void hypothesis_free(struct hypothesis *h)
{
    free(h->tokens);
    *h = (struct hypothesis){0};
}

enum asr_status hypothesis_reserve(struct hypothesis *h, size_t tokens, struct asr_error *err)
{
    if (tokens <= h->capacity)
        return ASR_OK;
    size_t capacity = tokens < 64 ? 64 : tokens + tokens / 2;
    struct hypothesis_token *grown = realloc(h->tokens, capacity * sizeof(*grown));
    if (!grown)
        return asr_fail(err, ASR_ERR_NOMEM, "hypothesis of %zu tokens: out of memory", tokens);
    h->tokens = grown;
    h->capacity = capacity;
    return ASR_OK;
}
