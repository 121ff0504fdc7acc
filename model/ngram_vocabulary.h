/* ngram_vocabulary.h - the words of a language model while it is compiled: text to number.
 *
 * Two phases: words are added in file order and numbered 0, 1, ...; ngram_vocabulary_sort() then
 * renumbers them in the byte order of their text. Memory: the texts, 12 to 20 bytes a word, and
 * twice the texts while sorting. */
#ifndef MODEL_NGRAM_VOCABULARY_H
#define MODEL_NGRAM_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

/* All zero is empty; free what it holds with ngram_vocabulary_free(). */
struct ngram_vocabulary {
    char *text; /* each word 0-terminated, in the order of their numbers */
    size_t text_bytes, text_capacity;
    uint64_t *offsets; /* [n_words] into text */
    size_t n_words, offsets_capacity;
    uint32_t *slots; /* hash table, open addressing: number + 1, or 0 when free */
    size_t n_slots;  /* a power of two, at least twice n_words */
};

void ngram_vocabulary_free(struct ngram_vocabulary *v);

/* *added is false when the word was there already (*word is its number all the same). */
enum asr_status ngram_vocabulary_add(struct ngram_vocabulary *v, const char *text, size_t n_bytes,
                                     uint32_t *word, bool *added, struct asr_error *err);

bool ngram_vocabulary_find(const struct ngram_vocabulary *v, const char *text, size_t n_bytes,
                           uint32_t *word);

/* ranks[n_words] receives each word's new number. */
enum asr_status ngram_vocabulary_sort(struct ngram_vocabulary *v, uint32_t *ranks,
                                      struct asr_error *err);

#endif
