#include "model/ctc_greedy.h"

static uint32_t best_token(const float *row, size_t n_tokens)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < n_tokens; k++)
        if (row[k] > row[best])
            best = k;
    return best;
}

enum asr_status ctc_greedy(const float *log_posteriors, size_t frames, size_t n_tokens,
                           size_t blank, struct hypothesis *out, struct asr_error *err)
{
    uint32_t before = (uint32_t)blank;

    out->n_tokens = 0;
    out->log_probability = 0.0;
    for (size_t t = 0; t < frames; t++) {
        const float *row = log_posteriors + t * n_tokens;
        uint32_t token = best_token(row, n_tokens);
        out->log_probability += (double)row[token];
        if (token != blank && token == before) {
            struct hypothesis_token *run = &out->tokens[out->n_tokens - 1];
            run->last_frame = (uint32_t)t;
            if (row[token] > run->log_posterior)
                run->log_posterior = row[token];
        } else if (token != blank) {
            enum asr_status st = hypothesis_reserve(out, out->n_tokens + 1, err);
            if (st != ASR_OK)
                return st;
            out->tokens[out->n_tokens++] = (struct hypothesis_token){
                .token = token,
                .first_frame = (uint32_t)t,
                .last_frame = (uint32_t)t,
                .log_posterior = row[token],
            };
        }
        before = token;
    }
    return ASR_OK;
}
