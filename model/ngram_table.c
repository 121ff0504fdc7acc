#include "model/ngram_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/ngram_grow.h"

static size_t row_width(const struct ngram_table *t)
{
    return t->order + 2;
}

void ngram_table_free(struct ngram_table *t)
{
    free(t->rows);
    *t = (struct ngram_table){.order = t->order};
}

enum asr_status ngram_table_add(struct ngram_table *t, const uint32_t *words,
                                float log10_probability, float log10_backoff, struct asr_error *err)
{
    if (t->count == UINT32_MAX - 1)
        return asr_fail(err, ASR_ERR_LIMIT, "more than %zu %u-grams", t->count, t->order);
    uint32_t *rows =
        ngram_grow(t->rows, &t->capacity, t->count + 1, row_width(t) * sizeof(*t->rows));
    if (!rows)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory after %zu %u-grams", t->count, t->order);
    t->rows = rows;
    uint32_t *row = rows + t->count++ * row_width(t);
    memcpy(row, words, t->order * sizeof(*words));
    memcpy(row + t->order, &log10_probability, sizeof(float));
    memcpy(row + t->order + 1, &log10_backoff, sizeof(float));
    return ASR_OK;
}

const uint32_t *ngram_table_words(const struct ngram_table *t, size_t row)
{
    return t->rows + row * row_width(t);
}

float ngram_table_probability(const struct ngram_table *t, size_t row)
{
    float value;
    memcpy(&value, ngram_table_words(t, row) + t->order, sizeof(value));
    return value;
}

float ngram_table_backoff(const struct ngram_table *t, size_t row)
{
    float value;
    memcpy(&value, ngram_table_words(t, row) + t->order + 1, sizeof(value));
    return value;
}

void ngram_table_renumber(struct ngram_table *t, const uint32_t *numbers)
{
    for (size_t i = 0; i < t->count; i++)
        for (unsigned j = 0; j < t->order; j++) {
            uint32_t *word = &t->rows[i * row_width(t) + j];
            *word = numbers[*word];
        }
}

static int compare_words(const uint32_t *a, const uint32_t *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int by_words(const void *a, const void *b, void *order)
{
    return compare_words(a, b, *(const unsigned *)order);
}

void ngram_table_sort(struct ngram_table *t)
{
    if (t->count > 0)
        qsort_r(t->rows, t->count, row_width(t) * sizeof(*t->rows), by_words, &t->order);
}

bool ngram_table_repeats(const struct ngram_table *t, size_t *row)
{
    for (*row = 1; *row < t->count; ++*row)
        if (compare_words(ngram_table_words(t, *row - 1), ngram_table_words(t, *row), t->order) ==
            0)
            return true;
    return false;
}

bool ngram_table_find(const struct ngram_table *t, const uint32_t *words, size_t *row)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_words(ngram_table_words(t, middle), words, t->order);
        if (order == 0) {
            *row = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

enum asr_status ngram_table_add_contexts(struct ngram_table *t, const struct ngram_table *longer,
                                         size_t *added, struct asr_error *err)
{
    const size_t given = t->count;
    size_t at = 0;

    for (size_t i = 0; i < longer->count; i++) {
        const uint32_t *context = ngram_table_words(longer, i);
        if (i > 0 && compare_words(ngram_table_words(longer, i - 1), context, t->order) == 0)
            continue;
        while (at < given && compare_words(ngram_table_words(t, at), context, t->order) < 0)
            at++;
        if (at < given && compare_words(ngram_table_words(t, at), context, t->order) == 0)
            continue;
        enum asr_status st = ngram_table_add(t, context, NAN, 0, err);
        if (st != ASR_OK)
            return st;
    }
    *added = t->count - given;
    if (*added > 0)
        ngram_table_sort(t);
    return ASR_OK;
}

void ngram_table_children(const struct ngram_table *t, const struct ngram_table *longer,
                          uint32_t *begins)
{
    size_t at = 0;

    for (size_t i = 0; i < t->count; i++) {
        begins[i] = (uint32_t)at;
        while (at < longer->count &&
               compare_words(ngram_table_words(longer, at), ngram_table_words(t, i), t->order) == 0)
            at++;
    }
    begins[t->count] = (uint32_t)at;
}
