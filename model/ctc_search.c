#include "model/ctc_search.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* A path's way so far. Entering at any frame is free: what lies before is the filler's. */
struct partial {
    double difference;
    size_t first_frame, last_frame; /* of the phrase's own labels */
};

enum { FIRST_LABEL = 2 };

/* States: separator, blank, l[0], blank, ..., l[n-1], blank, separator. Even ones are labels. */
struct search {
    const struct ctc_problem *phrase;
    uint32_t separator;
    size_t states;
    struct partial *before, *now; /* [states] */
};

static const struct partial nowhere = {.difference = -INFINITY};

static bool is_phrase_label(const struct search *s, size_t state)
{
    return state % 2 == 0 && state > 0 && state + 1 < s->states;
}

static uint32_t state_token(const struct search *s, size_t state)
{
    if (state % 2)
        return (uint32_t)s->phrase->blank;
    return is_phrase_label(s, state) ? s->phrase->labels[state / 2 - 1] : s->separator;
}

static bool may_skip_to(const struct search *s, size_t state)
{
    return state % 2 == 0 && state >= 2 && state_token(s, state) != state_token(s, state - 2);
}

static float best_of_frame(const struct ctc_problem *p, size_t t)
{
    const float *row = p->log_posteriors + t * p->n_tokens;
    float best = row[0];
    for (size_t k = 1; k < p->n_tokens; k++)
        best = row[k] > best ? row[k] : best;
    return best;
}

/* The best way into `state` at frame t. Ahead of the first frame stands a virtual separator. */
static struct partial best_way(const struct search *s, size_t state, size_t t)
{
    struct partial best = s->before[state];
    bool free_entry = state == 0 || (t == 0 && state <= FIRST_LABEL);
    bool moved = false;

    if (free_entry && !(best.difference >= 0.0)) {
        best = (struct partial){0};
        moved = true;
    }
    if (state >= 1 && s->before[state - 1].difference > best.difference) {
        best = s->before[state - 1];
        moved = true;
    }
    if (may_skip_to(s, state) && s->before[state - 2].difference > best.difference) {
        best = s->before[state - 2];
        moved = true;
    }
    if (state == FIRST_LABEL && moved)
        best.first_frame = t;
    if (is_phrase_label(s, state))
        best.last_frame = t;
    return best;
}

static void step(struct search *s, size_t t)
{
    const float *row = s->phrase->log_posteriors + t * s->phrase->n_tokens;
    float filler = best_of_frame(s->phrase, t);

    for (size_t state = 0; state < s->states; state++) {
        s->now[state] = best_way(s, state, t);
        s->now[state].difference += (double)row[state_token(s, state)] - filler;
    }
    struct partial *swap = s->before;
    s->before = s->now;
    s->now = swap;
}

size_t ctc_search_states(size_t n_labels)
{
    return 2 * n_labels + 3;
}

void search_hits_free(struct search_hits *list)
{
    free(list->hits);
    *list = (struct search_hits){0};
}

/* Ways complete in order of time, so only the last hit can overlap a new one. */
static enum asr_status add_hit(struct search_hits *list, const struct search_hit *hit,
                               struct asr_error *err)
{
    struct search_hit *last = list->n_hits ? &list->hits[list->n_hits - 1] : NULL;

    if (last && hit->first_frame <= last->last_frame) {
        if (hit->score > last->score)
            *last = *hit;
        return ASR_OK;
    }
    if (list->n_hits == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        struct search_hit *grown = realloc(list->hits, capacity * sizeof(*grown));
        if (!grown)
            return asr_fail(err, ASR_ERR_NOMEM, "search: out of memory for %zu hits", capacity);
        list->hits = grown;
        list->capacity = capacity;
    }
    list->hits[list->n_hits++] = *hit;
    return ASR_OK;
}

/* A phrase is complete where the separator behind it is reached, or at the recording's end. */
static struct partial best_end(const struct search *s, bool at_end)
{
    struct partial best = s->before[s->states - 1];

    for (size_t back = 2; at_end && back <= 3; back++)
        if (s->before[s->states - back].difference > best.difference)
            best = s->before[s->states - back];
    return best;
}

static enum asr_status follow(struct search *s, double min_score, struct search_hits *out,
                              struct asr_error *err)
{
    const struct ctc_problem *p = s->phrase;
    enum asr_status st = ASR_OK;

    for (size_t state = 0; state < s->states; state++)
        s->before[state] = nowhere;
    for (size_t t = 0; t < p->frames && st == ASR_OK; t++) {
        step(s, t);
        struct partial end = best_end(s, t + 1 == p->frames);
        struct search_hit hit = {end.first_frame, end.last_frame,
                                 exp(end.difference / (double)p->n_labels)};
        if (hit.score >= min_score && hit.score > 0.0)
            st = add_hit(out, &hit, err);
    }
    return st;
}

enum asr_status ctc_search(const struct ctc_problem *phrase, uint32_t separator, double min_score,
                           struct search_hits *out, struct asr_error *err)
{
    enum asr_status st = ctc_check_labels(phrase, err);
    struct search s = {phrase, separator, ctc_search_states(phrase->n_labels), NULL, NULL};

    out->n_hits = 0;
    if (st != ASR_OK)
        return st;
    if (phrase->n_labels == 0)
        return asr_fail(err, ASR_ERR_INVALID, "the phrase is empty");
    struct partial *rows = malloc(2 * s.states * sizeof(*rows));
    if (!rows)
        return asr_fail(err, ASR_ERR_NOMEM, "search: out of memory for %zu labels",
                        phrase->n_labels);
    s.before = rows;
    s.now = rows + s.states;
    st = follow(&s, min_score, out, err);
    free(rows);
    return st;
}
