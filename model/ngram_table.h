/* ngram_table.h - all n-grams of one order while a language model is compiled.
 *
 * One row is the words, then log10 probability and back-off weight as float bits, all 32 bits
 * wide: 4 * order + 8 bytes an n-gram. */
#ifndef MODEL_NGRAM_TABLE_H
#define MODEL_NGRAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

/* Zero but for `order` is empty. */
struct ngram_table {
    unsigned order;
    uint32_t *rows; /* [count, order + 2] */
    size_t count, capacity;
};

void ngram_table_free(struct ngram_table *t);

enum asr_status ngram_table_add(struct ngram_table *t, const uint32_t *words,
                                float log10_probability, float log10_backoff,
                                struct asr_error *err);

const uint32_t *ngram_table_words(const struct ngram_table *t, size_t row);
float ngram_table_probability(const struct ngram_table *t, size_t row); /* NaN: none */
float ngram_table_backoff(const struct ngram_table *t, size_t row);

/* Replaces every word w by numbers[w]. */
void ngram_table_renumber(struct ngram_table *t, const uint32_t *numbers);

/* By words, the first one first. */
void ngram_table_sort(struct ngram_table *t);

/* The rest wants sorted tables. */

/* Whether some n-gram is there twice; *row is one of the two. */
bool ngram_table_repeats(const struct ngram_table *t, size_t *row);

/* words[order] -> *row. */
bool ngram_table_find(const struct ngram_table *t, const uint32_t *words, size_t *row);

/* Adds the contexts of `longer` (all words but the last) that are missing from `t`, without a
 * probability; *added of them. `t` stays sorted. */
enum asr_status ngram_table_add_contexts(struct ngram_table *t, const struct ngram_table *longer,
                                         size_t *added, struct asr_error *err);

/* begins[count + 1]: the rows of `longer` whose context is row i are begins[i] to begins[i + 1].
 * Every context must be there. */
void ngram_table_children(const struct ngram_table *t, const struct ngram_table *longer,
                          uint32_t *begins);

#endif
