#include "model/confidence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

const struct ctc_beam_config confidence_search = {
    .beam_width = 32,
    .max_tokens = 0,
    .min_log_posterior = -7.0f,
    .score_margin = 12.0f,
};

/* Shares of 0 and 1 have no finite logit; and what lies beyond these a beam does not measure: a
 * word that no hypothesis of the narrow search has is right one time in three. Among 1e-6 to 3e-2,
 * this gives held-out words the least calibration error (0.025; 0.049 at 1e-6) and cross entropy.
 */
static const double SHARE_LIMIT = 1e-2;

struct confidence {
    size_t n_tokens;
    struct ctc_beam *beam;
    size_t width;
    struct hypothesis *rivals; /* [width] */
    struct word_confidence *words;
    size_t words_capacity;
};

/* Tokens [begin, end). */
struct span {
    size_t begin, end;
};

enum asr_status confidence_new(struct confidence **out, size_t n_tokens, size_t blank,
                               const struct ctc_beam_config *search, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct confidence *c = calloc(1, sizeof(*c));
    struct hypothesis *rivals = calloc(search->beam_width, sizeof(*rivals));

    *out = NULL;
    if (!c || !rivals) {
        free(c);
        free(rivals);
        return asr_fail(err, ASR_ERR_NOMEM, "confidence: out of memory");
    }
    *c = (struct confidence){.n_tokens = n_tokens, .width = search->beam_width, .rivals = rivals};
    st = ctc_beam_new(&c->beam, n_tokens, blank, search, err);
    if (st != ASR_OK)
        confidence_free(c);
    else
        *out = c;
    return st;
}

void confidence_free(struct confidence *c)
{
    if (!c)
        return;
    ctc_beam_free(c->beam);
    for (size_t i = 0; i < c->width; i++)
        hypothesis_free(&c->rivals[i]);
    free(c->rivals);
    free(c->words);
    free(c);
}

/* The next word from *span's end on. */
static bool next_word(const struct hypothesis *h, uint32_t separator, struct span *span)
{
    size_t begin = span->end;

    while (begin < h->n_tokens && h->tokens[begin].token == separator)
        begin++;
    *span = (struct span){begin, begin};
    while (span->end < h->n_tokens && h->tokens[span->end].token != separator)
        span->end++;
    return begin < h->n_tokens;
}

static enum asr_status make_room(struct confidence *c, size_t n_words, struct asr_error *err)
{
    if (n_words <= c->words_capacity)
        return ASR_OK;
    size_t capacity = n_words + n_words / 2;
    struct word_confidence *grown = realloc(c->words, capacity * sizeof(*grown));
    if (!grown)
        return asr_fail(err, ASR_ERR_NOMEM, "confidence of %zu words: out of memory", n_words);
    c->words = grown;
    c->words_capacity = capacity;
    return ASR_OK;
}

/* Whether the rival is that word and no other. */
static bool is_word(const struct hypothesis *rival, const struct confidence_problem *p,
                    struct span word)
{
    struct span found = {0, 0}, more;
    bool same =
        next_word(rival, p->separator, &found) && found.end - found.begin == word.end - word.begin;

    for (size_t i = 0; same && i < word.end - word.begin; i++)
        same = rival->tokens[found.begin + i].token == p->best->tokens[word.begin + i].token;
    more = found;
    return same && !next_word(rival, p->separator, &more);
}

/* Decodes [begin, end), which `fusion` puts behind the words before. */
static enum asr_status measure_share(struct confidence *c, const struct confidence_problem *p,
                                     const struct fusion *fusion, size_t begin, size_t end,
                                     struct span word, double scale, double *share,
                                     struct asr_error *err)
{
    double all = 0.0, on_word = 0.0;
    size_t n = 0;

    ctc_beam_fuse(c->beam, fusion);
    ctc_beam_start(c->beam);
    enum asr_status st =
        ctc_beam_step(c->beam, p->log_posteriors + begin * c->n_tokens, end - begin, err);
    if (st == ASR_OK)
        st = ctc_beam_finish(c->beam, c->rivals, c->width, &n, err);
    for (size_t i = 0; i < n && st == ASR_OK; i++) {
        const struct hypothesis *r = &c->rivals[i], *best = &c->rivals[0];
        double behind =
            r->log_probability + r->fusion_score - best->log_probability - best->fusion_score;
        if (!(behind > -INFINITY)) /* and where nothing is possible: NaN */
            continue;
        all += exp(scale * behind);
        on_word += is_word(r, p, word) ? exp(scale * behind) : 0.0;
    }
    *share = all > 0.0 ? on_word / all : 0.0;
    return st;
}

static void judge(struct word_confidence *w, const struct hypothesis *best, struct span word,
                  const struct confidence_map *map)
{
    double sum = 0.0, share = fmin(fmax(w->share, SHARE_LIMIT), 1.0 - SHARE_LIMIT);

    for (size_t i = word.begin; i < word.end; i++)
        sum += (double)best->tokens[i].log_posterior;
    w->mean_log_posterior = fmin(sum / (double)(word.end - word.begin), 0.0);
    double evidence = map->bias + map->share_weight * log(share / (1.0 - share)) +
                      map->posterior_weight * w->mean_log_posterior;
    w->confidence = 1.0 / (1.0 + exp(-evidence));
}

/* Past a word and its end. */
static void go_on(struct fusion_state *state, const struct confidence_problem *p, struct span word)
{
    for (size_t i = word.begin; i < word.end; i++)
        *state = fusion_next(p->fusion, state, p->best->tokens[i].token);
    *state = fusion_next(p->fusion, state, p->separator);
}

enum asr_status confidence_words(struct confidence *c, const struct confidence_problem *p,
                                 const struct confidence_map *map,
                                 const struct word_confidence **out, size_t *n_words,
                                 struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    const struct hypothesis_token *tokens = p->best->tokens;
    struct fusion_state state = {0};
    struct fusion local = {0};
    size_t n = 0, begin = 0;

    if (p->fusion) {
        state = fusion_start(p->fusion);
        local = *p->fusion;
        local.context = &state;
        local.score_sentence_end = false; /* a stretch is not a sentence */
    }
    struct span word = {0, 0}, next = {0, 0};
    bool more = next_word(p->best, p->separator, &word);
    while (more && st == ASR_OK) {
        next = word;
        more = next_word(p->best, p->separator, &next);
        size_t end = more ? tokens[next.begin].first_frame : p->frames;
        st = make_room(c, n + 1, err);
        if (st == ASR_OK)
            st = measure_share(c, p, p->fusion ? &local : NULL, begin, end, word, map->score_scale,
                               &c->words[n].share, err);
        if (st == ASR_OK)
            judge(&c->words[n++], p->best, word, map);
        if (p->fusion)
            go_on(&state, p, word);
        begin = tokens[word.end - 1].last_frame + 1;
        word = next;
    }
    *n_words = n;
    *out = c->words;
    return st;
}
