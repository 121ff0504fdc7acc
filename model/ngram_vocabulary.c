#include "model/ngram_vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "model/ngram_grow.h"

void ngram_vocabulary_free(struct ngram_vocabulary *v)
{
    free(v->text);
    free(v->offsets);
    free(v->slots);
    *v = (struct ngram_vocabulary){0};
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text, size_t n_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash ^ (hash >> 32);
}

static const char *text_of(const struct ngram_vocabulary *v, uint32_t word)
{
    return v->text + v->offsets[word];
}

/* The slot that holds the word, or the free one where it belongs. n_slots > 0. */
static size_t slot_of(const struct ngram_vocabulary *v, const char *text, size_t n_bytes)
{
    size_t slot = hash_of(text, n_bytes) & (v->n_slots - 1);

    for (; v->slots[slot] != 0; slot = (slot + 1) & (v->n_slots - 1)) {
        const char *other = text_of(v, v->slots[slot] - 1);
        if (strncmp(other, text, n_bytes) == 0 && other[n_bytes] == '\0')
            break;
    }
    return slot;
}

static void fill_slots(struct ngram_vocabulary *v)
{
    memset(v->slots, 0, v->n_slots * sizeof(*v->slots));
    for (uint32_t word = 0; word < v->n_words; word++) {
        const char *text = text_of(v, word);
        v->slots[slot_of(v, text, strlen(text))] = word + 1;
    }
}

static enum asr_status more_slots(struct ngram_vocabulary *v, struct asr_error *err)
{
    size_t n_slots = v->n_slots ? 2 * v->n_slots : 1024;
    uint32_t *slots = realloc(v->slots, n_slots * sizeof(*slots));

    if (!slots)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu words", v->n_words);
    v->slots = slots;
    v->n_slots = n_slots;
    fill_slots(v);
    return ASR_OK;
}

enum asr_status ngram_vocabulary_add(struct ngram_vocabulary *v, const char *text, size_t n_bytes,
                                     uint32_t *word, bool *added, struct asr_error *err)
{
    if (2 * (v->n_words + 1) > v->n_slots) {
        enum asr_status st = more_slots(v, err);
        if (st != ASR_OK)
            return st;
    }
    size_t slot = slot_of(v, text, n_bytes);
    *added = v->slots[slot] == 0;
    if (!*added) {
        *word = v->slots[slot] - 1;
        return ASR_OK;
    }
    if (v->n_words == UINT32_MAX - 2)
        return asr_fail(err, ASR_ERR_LIMIT, "more than %zu words", v->n_words);
    char *grown_text =
        ngram_grow(v->text, &v->text_capacity, v->text_bytes + n_bytes + 1, sizeof(*v->text));
    if (grown_text)
        v->text = grown_text;
    uint64_t *offsets =
        ngram_grow(v->offsets, &v->offsets_capacity, v->n_words + 1, sizeof(*v->offsets));
    if (offsets)
        v->offsets = offsets;
    if (!grown_text || !offsets)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu words", v->n_words);
    *word = (uint32_t)v->n_words;
    v->slots[slot] = *word + 1;
    v->offsets[v->n_words++] = v->text_bytes;
    memcpy(v->text + v->text_bytes, text, n_bytes);
    v->text[v->text_bytes + n_bytes] = '\0';
    v->text_bytes += n_bytes + 1;
    return ASR_OK;
}

bool ngram_vocabulary_find(const struct ngram_vocabulary *v, const char *text, size_t n_bytes,
                           uint32_t *word)
{
    size_t slot = v->n_slots ? slot_of(v, text, n_bytes) : 0;

    if (v->n_slots == 0 || v->slots[slot] == 0)
        return false;
    *word = v->slots[slot] - 1;
    return true;
}

static int by_text(const void *a, const void *b, void *vocabulary)
{
    return strcmp(text_of(vocabulary, *(const uint32_t *)a),
                  text_of(vocabulary, *(const uint32_t *)b));
}

enum asr_status ngram_vocabulary_sort(struct ngram_vocabulary *v, uint32_t *ranks,
                                      struct asr_error *err)
{
    uint32_t *sorted = malloc((v->n_words + 1) * sizeof(*sorted));
    uint64_t *offsets = malloc((v->n_words + 1) * sizeof(*offsets));
    char *text = malloc(v->text_bytes + 1);
    uint64_t end = 0;

    if (!sorted || !offsets || !text) {
        free(sorted);
        free(offsets);
        free(text);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu words", v->n_words);
    }
    for (uint32_t word = 0; word < v->n_words; word++)
        sorted[word] = word;
    qsort_r(sorted, v->n_words, sizeof(*sorted), by_text, v);
    for (uint32_t rank = 0; rank < v->n_words; rank++) {
        const char *from = text_of(v, sorted[rank]);
        size_t n_bytes = strlen(from) + 1;
        ranks[sorted[rank]] = rank;
        offsets[rank] = end;
        memcpy(text + end, from, n_bytes);
        end += n_bytes;
    }
    free(v->text);
    free(v->offsets);
    free(sorted);
    v->text = text;
    v->text_capacity = v->text_bytes + 1;
    v->offsets = offsets;
    v->offsets_capacity = v->n_words + 1;
    if (v->n_slots > 0)
        fill_slots(v);
    return ASR_OK;
}
