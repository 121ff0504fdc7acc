#include "model/ngram_codebook.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_ROUNDS = 50 };

/* The different samples in ascending order, and running sums over them: [0, i) has `weights[i]`
 * samples that add up to `sums[i]`, and `spread[i]` of the starting density. */
struct histogram {
    float *values;
    double *weights, *sums, *spread;
    size_t n_values;
};

static void histogram_free(struct histogram *h)
{
    free(h->values);
    free(h->weights);
    free(h->sums);
    free(h->spread);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t count_different(const float *sorted, size_t n)
{
    size_t different = 0;
    for (size_t i = 0; i < n; i++)
        different += i == 0 || sorted[i] != sorted[i - 1];
    return different;
}

static enum asr_status histogram_new(struct histogram *h, const float *sorted, size_t n,
                                     size_t different, struct asr_error *err)
{
    h->n_values = different;
    h->values = malloc((different + 1) * sizeof(*h->values));
    h->weights = calloc(different + 1, sizeof(*h->weights));
    h->sums = calloc(different + 1, sizeof(*h->sums));
    h->spread = calloc(different + 1, sizeof(*h->spread));
    if (!h->values || !h->weights || !h->sums || !h->spread) {
        histogram_free(h);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a codebook of %zu values", n);
    }
    /* Outliers (<s> often has -99) would otherwise draw half of the levels to them. */
    const double widest_gap = 16.0 * (sorted[n - 1] - sorted[0]) / (double)different;
    for (size_t i = 0, at = 0; i < n; at++) {
        size_t begin = i;
        while (i < n && sorted[i] == sorted[begin])
            i++;
        double weight = (double)(i - begin);
        double gap = begin > 0 ? fmin(sorted[begin] - sorted[begin - 1], widest_gap) : 0;
        h->values[at] = sorted[begin];
        h->weights[at + 1] = h->weights[at] + weight;
        h->sums[at + 1] = h->sums[at] + weight * sorted[begin];
        h->spread[at + 1] = h->spread[at] + cbrt(weight * gap * gap);
    }
    return ASR_OK;
}

/* Level j starts as the values from starts[j] on, none of them empty. */
static void start_levels(const struct histogram *h, size_t *starts, double *levels, size_t n_levels)
{
    const double total = h->spread[h->n_values];
    size_t at = 0;

    for (size_t j = 0; j < n_levels; j++) {
        size_t last = h->n_values - (n_levels - j); /* leaves one value for each level to come */
        while (at < last && h->spread[at + 1] < total * (double)j / (double)n_levels)
            at++;
        levels[j] = h->values[at];
        starts[j] = at++;
    }
    starts[n_levels] = h->n_values;
}

/* The first value nearer to `upper` than to `lower`. */
static size_t border(const struct histogram *h, double lower, double upper)
{
    const double middle = (lower + upper) / 2;
    size_t low = 0, high = h->n_values;

    while (low < high) {
        size_t probe = low + (high - low) / 2;
        if (h->values[probe] < middle)
            low = probe + 1;
        else
            high = probe;
    }
    return low;
}

/* levels[n_levels] become the means of what is nearest to them, until nothing moves. */
static void settle(const struct histogram *h, size_t *starts, double *levels, size_t n_levels)
{
    bool moved = true;

    for (int round = 0; moved && round < MAX_ROUNDS; round++) {
        moved = false;
        for (size_t j = 0; j < n_levels; j++) {
            double weight = h->weights[starts[j + 1]] - h->weights[starts[j]];
            if (weight > 0) /* a level that lost all its values stays where it is */
                levels[j] = (h->sums[starts[j + 1]] - h->sums[starts[j]]) / weight;
        }
        for (size_t j = 1; j < n_levels; j++) {
            size_t start = border(h, levels[j - 1], levels[j]);
            moved = moved || start != starts[j];
            starts[j] = start;
        }
    }
}

static enum asr_status fit_levels(struct ngram_codebook *book, const float *sorted, size_t n,
                                  size_t different, struct asr_error *err)
{
    const size_t n_levels = book->n_values - 1;
    struct histogram h = {0};
    size_t *starts = malloc((n_levels + 1) * sizeof(*starts));
    double *levels = malloc((n_levels + 1) * sizeof(*levels));
    enum asr_status st;

    if (!starts || !levels)
        st = asr_fail(err, ASR_ERR_NOMEM, "out of memory for a codebook of %zu values", n);
    else
        st = histogram_new(&h, sorted, n, different, err);
    if (st == ASR_OK) {
        start_levels(&h, starts, levels, n_levels);
        settle(&h, starts, levels, n_levels);
        for (size_t j = 0; j < n_levels; j++) {
            float level = (float)levels[j];
            /* A back-off weight rounded to 0 must not become the exact 0 that ends contexts. */
            book->values[j + 1] = level == book->values[0] ? nextafterf(level, -INFINITY) : level;
        }
        histogram_free(&h);
    }
    free(starts);
    free(levels);
    return st;
}

enum asr_status ngram_codebook_fit(struct ngram_codebook *book, float *samples, size_t n_samples,
                                   unsigned bits, float reserved, struct asr_error *err)
{
    const size_t room = ((size_t)1 << bits) - 1;

    if (n_samples > 0)
        qsort(samples, n_samples, sizeof(*samples), ascending);
    size_t different = count_different(samples, n_samples);
    size_t levels = different < room ? different : room;
    book->values = malloc((levels + 1) * sizeof(*book->values));
    if (!book->values)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a codebook");
    book->n_values = (uint32_t)(levels + 1);
    book->values[0] = reserved;
    if (levels == different) {
        for (size_t i = 0, at = 1; i < n_samples; i++)
            if (i == 0 || samples[i] != samples[i - 1])
                book->values[at++] = samples[i];
        return ASR_OK;
    }
    enum asr_status st = fit_levels(book, samples, n_samples, different, err);
    if (st != ASR_OK)
        ngram_codebook_free(book);
    return st;
}

void ngram_codebook_free(struct ngram_codebook *book)
{
    free(book->values);
    *book = (struct ngram_codebook){0};
}

uint32_t ngram_codebook_code(const struct ngram_codebook *book, float value)
{
    uint32_t low = 1, high = book->n_values - 1;

    while (low < high) {
        uint32_t probe = low + (high - low) / 2;
        if (book->values[probe] + book->values[probe + 1] < 2 * value)
            low = probe + 1;
        else
            high = probe;
    }
    return low;
}
