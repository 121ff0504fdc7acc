#include "model/label_path.h"

enum asr_status label_path_spell(const struct chain_pool *runs, const struct label_path *path,
                                 struct hypothesis *out, struct asr_error *err)
{
    size_t n = path->run.token != CHAIN_NONE;

    for (uint32_t r = path->before; r != CHAIN_NONE; r = label_run_at(runs, r)->before)
        n++;
    enum asr_status st = hypothesis_reserve(out, n, err);
    if (st != ASR_OK)
        return st;
    out->n_tokens = n;
    if (n > 0)
        out->tokens[--n] = path->run;
    for (uint32_t r = path->before; r != CHAIN_NONE; r = label_run_at(runs, r)->before)
        out->tokens[--n] = label_run_at(runs, r)->token;
    return ASR_OK;
}
