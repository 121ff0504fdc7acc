#include "model/ngram_draft.h"

#include <stdlib.h>
#include <string.h>

#include "audio/count.h"

enum { NGRAMS_PER_PROGRESS = 16384 };

static const char bos_text[] = "<s>", eos_text[] = "</s>", unk_text[] = "<unk>";

void ngram_draft_free(struct ngram_draft *draft)
{
    ngram_vocabulary_free(&draft->vocabulary);
    for (unsigned k = 0; k < NGRAM_MAX_ORDER; k++) {
        ngram_table_free(&draft->tables[k]);
        free(draft->children[k]);
        free(draft->links[k]);
    }
}

void ngram_draft_progress(const struct ngram_draft *draft, const char *stage, double done)
{
    if (draft->options->progress)
        draft->options->progress(draft->options->progress_ctx, stage, done);
}

/* Some tools write the unknown word in capitals. */
static void fold_unk(const char **text, size_t *n_bytes)
{
    if (*n_bytes == 5 && memcmp(*text, "<UNK>", 5) == 0)
        *text = unk_text;
}

static enum asr_status add_word(struct ngram_draft *draft, const struct arpa *arpa,
                                const struct arpa_ngram *ngram, struct asr_error *err)
{
    const char *text = ngram->words[0].text;
    size_t n_bytes = ngram->words[0].n_bytes;
    uint32_t word;
    bool added;

    fold_unk(&text, &n_bytes);
    enum asr_status st =
        ngram_vocabulary_add(&draft->vocabulary, text, n_bytes, &word, &added, err);
    if (st != ASR_OK)
        return st;
    if (!added)
        return arpa_fail(arpa, err, "the word \"%.*s\" for the second time",
                         n_bytes < 80 ? (int)n_bytes : 80, text);
    return ngram_table_add(&draft->tables[0], &word, ngram->log10_probability, ngram->log10_backoff,
                           err);
}

static enum asr_status add_ngram(struct ngram_draft *draft, const struct arpa *arpa,
                                 const struct arpa_ngram *ngram, struct asr_error *err)
{
    uint32_t words[NGRAM_MAX_ORDER];

    for (unsigned i = 0; i < ngram->order; i++) {
        const char *text = ngram->words[i].text;
        size_t n_bytes = ngram->words[i].n_bytes;
        fold_unk(&text, &n_bytes);
        if (!ngram_vocabulary_find(&draft->vocabulary, text, n_bytes, &words[i]))
            return arpa_fail(arpa, err, "\"%.*s\" is not among the 1-grams",
                             n_bytes < 80 ? (int)n_bytes : 80, text);
    }
    return ngram_table_add(&draft->tables[ngram->order - 1], words, ngram->log10_probability,
                           ngram->log10_backoff, err);
}

static enum asr_status ensure_markers(struct ngram_draft *draft, struct asr_error *err)
{
    const char *const needed[] = {bos_text, eos_text};
    uint32_t word;
    bool added;

    for (size_t i = 0; i < COUNT(needed); i++)
        if (!ngram_vocabulary_find(&draft->vocabulary, needed[i], strlen(needed[i]), &word))
            return asr_fail(err, ASR_ERR_FORMAT, "%s: %s is not among the 1-grams", draft->name,
                            needed[i]);
    enum asr_status st =
        ngram_vocabulary_add(&draft->vocabulary, unk_text, strlen(unk_text), &word, &added, err);
    if (st != ASR_OK)
        return st;
    draft->unk_given = !added;
    return added ? ngram_table_add(&draft->tables[0], &word, draft->options->unk_log10, 0, err)
                 : ASR_OK;
}

/* After the last 1-gram: numbers words by their text. */
static enum asr_status finish_vocabulary(struct ngram_draft *draft, struct asr_error *err)
{
    struct ngram_table *words = &draft->tables[0];
    enum asr_status st = ensure_markers(draft, err);

    if (st != ASR_OK)
        return st;
    uint32_t *ranks = malloc(words->count * sizeof(*ranks));
    if (!ranks)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu words", words->count);
    st = ngram_vocabulary_sort(&draft->vocabulary, ranks, err);
    if (st == ASR_OK) {
        ngram_table_renumber(words, ranks);
        ngram_table_sort(words);
    }
    free(ranks);
    return st;
}

enum asr_status ngram_draft_read(struct ngram_draft *draft, struct arpa *arpa,
                                 struct asr_error *err)
{
    struct arpa_ngram ngram;
    uint64_t read = 0;
    bool done, numbered = false;

    for (unsigned k = 0; k < NGRAM_MAX_ORDER; k++)
        draft->tables[k].order = k + 1;
    for (;;) {
        enum asr_status st = arpa_next(arpa, &ngram, &done, err);
        if (st == ASR_OK && !numbered && (done || ngram.order > 1)) {
            numbered = true;
            st = finish_vocabulary(draft, err);
        }
        if (st == ASR_OK && !done)
            st = ngram.order == 1 ? add_word(draft, arpa, &ngram, err)
                                  : add_ngram(draft, arpa, &ngram, err);
        if (st != ASR_OK || done)
            return st;
        if (draft->order < ngram.order)
            draft->order = ngram.order;
        if (read++ % NGRAMS_PER_PROGRESS == 0)
            ngram_draft_progress(draft, "reading", arpa_progress(arpa));
    }
}
