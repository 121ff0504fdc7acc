/* every_path.h - small random problems, and their answers by a walk over every path there is. No
 * code of the search is in here: this is what the search is held against. */
#ifndef TESTS_MODEL_EVERY_PATH_H
#define TESTS_MODEL_EVERY_PATH_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 6, TOKENS = 4, BLANK = 1, STRINGS = 4096 /* base TOKENS, length FRAMES */ };

struct answer {
    uint32_t labels[FRAMES];
    size_t n_labels;
    double probability; /* summed over paths */
    double best_path;   /* the probability of one */
    uint32_t path[FRAMES];
};

static inline int by_probability(const void *a, const void *b)
{
    double x = ((const struct answer *)a)->probability, y = ((const struct answer *)b)->probability;
    return (x < y) - (x > y);
}

/* The labels of a path as a number: unique for each label string of up to FRAMES labels. */
static inline size_t fold(const uint32_t *path, struct answer *out)
{
    size_t code = 0;
    out->n_labels = 0;
    for (size_t t = 0; t < FRAMES; t++) {
        if (path[t] == BLANK || (t > 0 && path[t] == path[t - 1]))
            continue;
        out->labels[out->n_labels++] = path[t];
        code = code * TOKENS + (path[t] < BLANK ? path[t] + 1 : path[t]);
    }
    return code;
}

/* All label strings, most probable first. */
static inline void walk_every_path(const float *posteriors, struct answer *answers)
{
    uint32_t path[FRAMES] = {0};

    memset(answers, 0, STRINGS * sizeof(*answers));
    for (;;) {
        struct answer this = {0};
        double score = 0.0;
        for (size_t t = 0; t < FRAMES; t++)
            score += (double)posteriors[t * TOKENS + path[t]];
        struct answer *slot = &answers[fold(path, &this)];
        memcpy(slot->labels, this.labels, sizeof(this.labels));
        slot->n_labels = this.n_labels;
        slot->probability += exp(score);
        if (exp(score) > slot->best_path) {
            slot->best_path = exp(score);
            memcpy(slot->path, path, sizeof(path));
        }
        size_t t = 0;
        while (t < FRAMES && ++path[t] == TOKENS)
            path[t++] = 0;
        if (t == FRAMES)
            break;
    }
    qsort(answers, STRINGS, sizeof(*answers), by_probability);
}

static inline void random_posteriors(float *out, size_t frames, size_t n_tokens)
{
    for (size_t t = 0; t < frames; t++, out += n_tokens) {
        double sum = 0.0;
        for (size_t k = 0; k < n_tokens; k++) {
            out[k] = 6.0f * (float)rand() / (float)RAND_MAX;
            sum += exp((double)out[k]);
        }
        for (size_t k = 0; k < n_tokens; k++)
            out[k] -= (float)log(sum);
    }
}

#endif
