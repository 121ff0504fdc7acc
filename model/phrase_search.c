#include "model/phrase_search.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "model/ctc_search.h"

/* Spells all phrases first: what they cost together is known before the first is searched. */
static enum asr_status spell_all(const struct phrase_search *search, const struct phrase *phrases,
                                 size_t n_phrases, struct labels *labels, struct phrase_hits *out,
                                 struct asr_error *err)
{
    uint64_t states = 0;

    for (size_t i = 0; i < n_phrases; i++) {
        struct phrase_problem *problem = &out->problems[out->n_problems];
        enum asr_status st =
            labels_spell(search->speller, phrases[i].text, &labels[i], &problem->why);
        if (st == ASR_ERR_NOMEM)
            return asr_fail(err, st, "%s", problem->why.text);
        if (st != ASR_OK) {
            problem->phrase = i;
            out->n_problems++;
        } else {
            states += ctc_search_states(labels[i].n);
        }
    }
    if (states > 0 && search->recording.frames > search->max_steps / states)
        return asr_fail(err, ASR_ERR_LIMIT,
                        "looking for phrases of %" PRIu64 " states in %zu frames is over the limit "
                        "of %" PRIu64 " steps: send fewer phrases, or a shorter recording",
                        states, search->recording.frames, search->max_steps);
    return ASR_OK;
}

static enum asr_status append(const struct phrase_search *search, size_t phrase,
                              const struct search_hits *found, struct phrase_hits *out,
                              struct asr_error *err)
{
    if (found->n_hits > search->max_hits - out->n_hits)
        return asr_fail(err, ASR_ERR_LIMIT,
                        "there are more than %zu hits: ask for a higher score, or fewer phrases",
                        search->max_hits);
    if (found->n_hits > out->capacity - out->n_hits) {
        size_t capacity = 2 * (out->n_hits + found->n_hits);
        struct phrase_hit *grown = realloc(out->hits, capacity * sizeof(*grown));
        if (!grown)
            return asr_fail(err, ASR_ERR_NOMEM, "search: out of memory for %zu hits", capacity);
        out->hits = grown;
        out->capacity = capacity;
    }
    for (size_t i = 0; i < found->n_hits; i++) {
        const struct search_hit *hit = &found->hits[i];
        out->hits[out->n_hits++] = (struct phrase_hit){
            .phrase = phrase,
            .start_seconds =
                fmin((double)hit->first_frame * search->frame_seconds, search->duration_seconds),
            .end_seconds = fmin(((double)hit->last_frame + 1.0) * search->frame_seconds,
                                search->duration_seconds),
            .score = hit->score,
        };
    }
    return ASR_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct phrase_hit *x = a, *y = b;

    if (x->start_seconds != y->start_seconds)
        return x->start_seconds < y->start_seconds ? -1 : 1;
    return (x->phrase > y->phrase) - (x->phrase < y->phrase);
}

static enum asr_status search_all(const struct phrase_search *search, const struct labels *labels,
                                  size_t n_phrases, struct phrase_hits *out, struct asr_error *err)
{
    struct ctc_problem problem = search->recording;
    struct search_hits found = {0};
    enum asr_status st = ASR_OK;

    for (size_t i = 0; i < n_phrases && st == ASR_OK; i++) {
        if (labels[i].n == 0)
            continue;
        problem.labels = labels[i].tokens;
        problem.n_labels = labels[i].n;
        st = ctc_search(&problem, search->separator, search->min_score, &found, err);
        if (st == ASR_OK)
            st = append(search, i, &found, out, err);
    }
    search_hits_free(&found);
    if (st == ASR_OK && out->n_hits > 0)
        qsort(out->hits, out->n_hits, sizeof(*out->hits), by_time);
    return st;
}

enum asr_status search_phrases(const struct phrase_search *search, const struct phrase *phrases,
                               size_t n_phrases, struct phrase_hits *out, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct labels *labels = calloc(n_phrases + 1, sizeof(*labels));

    *out = (struct phrase_hits){0};
    out->problems = calloc(n_phrases + 1, sizeof(*out->problems));
    if (!labels || !out->problems)
        st = asr_fail(err, ASR_ERR_NOMEM, "search: out of memory for %zu phrases", n_phrases);
    if (st == ASR_OK)
        st = spell_all(search, phrases, n_phrases, labels, out, err);
    if (st == ASR_OK)
        st = search_all(search, labels, n_phrases, out, err);
    for (size_t i = 0; labels && i < n_phrases; i++)
        labels_free(&labels[i]);
    free(labels);
    if (st != ASR_OK)
        phrase_hits_free(out);
    return st;
}

void phrase_hits_free(struct phrase_hits *hits)
{
    free(hits->hits);
    free(hits->problems);
    *hits = (struct phrase_hits){0};
}
