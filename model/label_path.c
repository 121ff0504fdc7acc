#include "model/label_path.h"

static struct label_run *run_at(const struct chain_pool *runs, uint32_t run)
{
    return (struct label_run *)runs->items + run;
}

struct label_path label_path_empty(double score)
{
    return (struct label_path){
        .score = score, .before = CHAIN_NONE, .saved = CHAIN_NONE, .run = {.token = CHAIN_NONE}};
}

struct label_path label_path_blank(const struct label_path *from, float log_posterior)
{
    struct label_path path = *from;

    path.score += (double)log_posterior;
    path.saved = CHAIN_NONE; /* only what `before` leads to outlives a collection */
    return path;
}

struct label_path label_path_stay(const struct label_path *from, uint32_t frame,
                                  float log_posterior)
{
    struct label_path path = label_path_blank(from, log_posterior);

    path.run.last_frame = frame;
    if (log_posterior > path.run.log_posterior)
        path.run.log_posterior = log_posterior;
    return path;
}

struct label_path label_path_follow(struct chain_pool *runs, struct label_path *from,
                                    uint32_t token, uint32_t frame, float log_posterior)
{
    if (from->run.token != CHAIN_NONE && from->saved == CHAIN_NONE) {
        from->saved = chain_pool_take(runs, from->before);
        run_at(runs, from->saved)->token = from->run;
    }
    return (struct label_path){
        .score = from->score + (double)log_posterior,
        .before = from->saved,
        .saved = CHAIN_NONE,
        .run = {token, frame, frame, log_posterior},
    };
}

enum asr_status label_path_spell(const struct chain_pool *runs, const struct label_path *path,
                                 struct hypothesis *out, struct asr_error *err)
{
    size_t n = path->run.token != CHAIN_NONE;

    for (uint32_t r = path->before; r != CHAIN_NONE; r = run_at(runs, r)->before)
        n++;
    enum asr_status st = hypothesis_reserve(out, n, err);
    if (st != ASR_OK)
        return st;
    out->n_tokens = n;
    if (n > 0)
        out->tokens[--n] = path->run;
    for (uint32_t r = path->before; r != CHAIN_NONE; r = run_at(runs, r)->before)
        out->tokens[--n] = run_at(runs, r)->token;
    return ASR_OK;
}
