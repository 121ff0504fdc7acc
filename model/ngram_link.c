#include <stdio.h>
#include <stdlib.h>

#include "model/ngram_draft.h"

/* "a little more", for messages. */
static void spell(const struct ngram_draft *draft, const struct ngram_table *t, size_t row,
                  char *out, size_t out_bytes)
{
    const uint32_t *words = ngram_table_words(t, row);
    size_t used = 0;

    for (unsigned i = 0; i < t->order && used < out_bytes; i++) {
        const char *text = draft->vocabulary.text + draft->vocabulary.offsets[words[i]];
        int n = snprintf(out + used, out_bytes - used, "%s%.40s", i > 0 ? " " : "", text);
        used += n > 0 ? (size_t)n : 0;
    }
}

static enum asr_status sort_tables(struct ngram_draft *draft, struct asr_error *err)
{
    char ngram[160];
    size_t row;

    for (unsigned k = 1; k < draft->order; k++) {
        struct ngram_table *t = &draft->tables[k];
        ngram_draft_progress(draft, "sorting", (double)k / draft->order);
        ngram_table_sort(t);
        if (ngram_table_repeats(t, &row)) {
            spell(draft, t, row, ngram, sizeof(ngram));
            return asr_fail(err, ASR_ERR_FORMAT, "%.100s: the %u-gram \"%s\" is there twice",
                            draft->name, k + 1, ngram);
        }
    }
    return ASR_OK;
}

/* From the highest order down, as an added context may lack its own. */
static enum asr_status add_contexts(struct ngram_draft *draft, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    for (unsigned k = draft->order; st == ASR_OK && k-- > 2;) {
        size_t added = 0;
        st = ngram_table_add_contexts(&draft->tables[k - 1], &draft->tables[k], &added, err);
        draft->contexts_added += added;
    }
    return st;
}

static enum asr_status find_children(struct ngram_draft *draft, struct asr_error *err)
{
    uint64_t next_node = 1;

    for (unsigned k = 0; k + 1 < draft->order; k++) {
        const struct ngram_table *t = &draft->tables[k];
        draft->children[k] = malloc((t->count + 1) * sizeof(*draft->children[k]));
        if (!draft->children[k])
            return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu %u-grams", t->count, k + 1);
        ngram_table_children(t, t + 1, draft->children[k]);
        draft->first_node[k] = (uint32_t)next_node;
        next_node += t->count;
        if (next_node >= UINT32_MAX)
            return asr_fail(err, ASR_ERR_LIMIT, "%s: %llu n-grams below the highest order",
                            draft->name, (unsigned long long)next_node);
    }
    return ASR_OK;
}

/* The node of the longest proper suffix of words[n_words] that matters as a context. */
static uint32_t find_link(const struct ngram_draft *draft, const uint32_t *words, unsigned n_words)
{
    for (unsigned n = n_words - 1; n > 0; n--) {
        const struct ngram_table *t = &draft->tables[n - 1];
        const uint32_t *children = draft->children[n - 1];
        size_t row;
        if (ngram_table_find(t, words + (n_words - n), &row) &&
            (children[row] != children[row + 1] || ngram_table_backoff(t, row) != 0))
            return draft->first_node[n - 1] + (uint32_t)row;
    }
    return 0;
}

static enum asr_status find_links(struct ngram_draft *draft, struct asr_error *err)
{
    for (unsigned k = 2; k + 1 < draft->order; k++) {
        const struct ngram_table *t = &draft->tables[k];
        draft->links[k] = malloc(t->count * sizeof(*draft->links[k]));
        if (!draft->links[k])
            return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu %u-grams", t->count, k + 1);
        ngram_draft_progress(draft, "linking", (double)k / draft->order);
        for (size_t row = 0; row < t->count; row++)
            draft->links[k][row] = find_link(draft, ngram_table_words(t, row), k + 1);
    }
    return ASR_OK;
}

enum asr_status ngram_draft_link(struct ngram_draft *draft, struct asr_error *err)
{
    enum asr_status st = sort_tables(draft, err);

    if (st == ASR_OK)
        st = add_contexts(draft, err);
    if (st == ASR_OK)
        st = find_children(draft, err);
    if (st == ASR_OK)
        st = find_links(draft, err);
    return st;
}
