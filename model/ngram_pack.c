#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "model/ngram_codebook.h"
#include "model/ngram_draft.h"

/* Everything about the image but its records. */
struct plan {
    struct ngram_header header;
    struct ngram_layout layout;
    struct ngram_codebook probabilities[NGRAM_MAX_ORDER];
    struct ngram_codebook backoffs[NGRAM_MAX_ORDER];
};

static void plan_free(struct plan *plan)
{
    for (unsigned k = 0; k < NGRAM_MAX_ORDER; k++) {
        ngram_codebook_free(&plan->probabilities[k]);
        ngram_codebook_free(&plan->backoffs[k]);
    }
}

/* Both codebooks of one order. */
static enum asr_status fit_codebooks(const struct ngram_draft *draft, unsigned k, struct plan *plan,
                                     struct asr_error *err)
{
    /* Nearly every word that backs off ends at a 1-gram, and there are few: 16 bits for them halve
     * the error of the shipped model's scores and add 2 % to its file. */
    const unsigned bits = k == 0 ? 16 : draft->options->bits;
    const struct ngram_table *t = &draft->tables[k];
    size_t n = 0;
    float *samples = malloc(t->count * sizeof(*samples));

    if (!samples)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu %u-grams", t->count, k + 1);
    for (size_t row = 0; row < t->count; row++)
        if (!isnan(ngram_table_probability(t, row)))
            samples[n++] = ngram_table_probability(t, row);
    enum asr_status st = ngram_codebook_fit(&plan->probabilities[k], samples, n, bits, NAN, err);
    if (st == ASR_OK && k + 1 < draft->order) {
        n = 0;
        for (size_t row = 0; row < t->count; row++)
            if (ngram_table_backoff(t, row) != 0)
                samples[n++] = ngram_table_backoff(t, row);
        st = ngram_codebook_fit(&plan->backoffs[k], samples, n, bits, 0, err);
    }
    free(samples);
    return st;
}

static enum asr_status make_plan(const struct ngram_draft *draft, struct plan *plan,
                                 struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct asr_error why;

    plan->header.order = draft->order;
    plan->header.unk_given = draft->unk_given;
    plan->header.text_bytes = draft->vocabulary.text_bytes;
    plan->header.contexts_added = draft->contexts_added;
    for (unsigned k = 0; st == ASR_OK && k < draft->order; k++) {
        ngram_draft_progress(draft, "quantising", (double)k / draft->order);
        plan->header.counts[k] = draft->tables[k].count;
        if (draft->options->bits < 32)
            st = fit_codebooks(draft, k, plan, err);
        plan->header.probability_values[k] = plan->probabilities[k].n_values;
        plan->header.backoff_values[k] = plan->backoffs[k].n_values;
    }
    if (st != ASR_OK)
        return st;
    if (ngram_layout_of(&plan->header, &plan->layout, &why) != ASR_OK)
        return asr_fail(err, ASR_ERR_LIMIT, "%s: %s", draft->name, why.text);
    assert(plan->layout.file_bytes > NGRAM_HEADER_BYTES);
    plan->header.file_bytes = plan->layout.file_bytes;
    return ASR_OK;
}

static void pack_vocabulary(const struct ngram_vocabulary *v, const struct ngram_layout *layout,
                            uint8_t *image)
{
    uint8_t *offsets = image + layout->offsets_at;

    for (size_t word = 0; word < v->n_words; word++)
        ngram_bits_put(offsets, (uint64_t)word * layout->offset_bits, v->offsets[word]);
    ngram_bits_put(offsets, (uint64_t)v->n_words * layout->offset_bits, v->text_bytes);
    memcpy(image + layout->text_at, v->text, v->text_bytes);
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void pack_codebook(const struct ngram_codebook *book, uint8_t *bytes)
{
    for (uint32_t i = 0; i < book->n_values; i++) {
        uint32_t pattern = htole32(float_bits(book->values[i]));
        memcpy(bytes + sizeof(pattern) * i, &pattern, sizeof(pattern));
    }
}

static uint32_t encode(const struct ngram_codebook *book, float value, bool reserved)
{
    if (book->n_values == 0)
        return float_bits(value);
    return reserved ? 0 : ngram_codebook_code(book, value);
}

static void pack_order(const struct ngram_draft *draft, unsigned k, const struct plan *plan,
                       uint8_t *image)
{
    const struct ngram_fields *f = &plan->layout.orders[k];
    const struct ngram_table *t = &draft->tables[k];
    uint8_t *records = image + f->records_at;
    uint64_t bit = 0;

    for (size_t row = 0; row < t->count; row++) {
        float probability = ngram_table_probability(t, row), backoff = ngram_table_backoff(t, row);
        if (k > 0)
            ngram_bits_put(records, bit, ngram_table_words(t, row)[k]);
        bit += f->word_bits;
        if (k + 1 < draft->order) {
            ngram_bits_put(records, bit, draft->children[k][row]);
            bit += f->child_bits;
            if (k >= 2)
                ngram_bits_put(records, bit, draft->links[k][row]);
            bit += f->link_bits;
            ngram_bits_put(records, bit, encode(&plan->backoffs[k], backoff, backoff == 0));
            bit += f->backoff_bits;
        }
        ngram_bits_put(records, bit,
                       encode(&plan->probabilities[k], probability, isnan(probability)));
        bit += f->probability_bits;
    }
    if (k + 1 < draft->order) /* the record that closes the order */
        ngram_bits_put(records, bit + f->word_bits, draft->children[k][t->count]);
}

enum asr_status ngram_draft_pack(const struct ngram_draft *draft, uint8_t **image, size_t *n_bytes,
                                 struct asr_error *err)
{
    struct plan plan = {0};
    uint8_t *bytes = NULL;
    enum asr_status st = make_plan(draft, &plan, err);

    if (st == ASR_OK && !(bytes = calloc(1, plan.layout.file_bytes)))
        st = asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory for %llu bytes", draft->name,
                      (unsigned long long)plan.layout.file_bytes);
    if (st == ASR_OK) {
        pack_vocabulary(&draft->vocabulary, &plan.layout, bytes);
        for (unsigned k = 0; k < draft->order; k++) {
            ngram_draft_progress(draft, "packing", (double)k / draft->order);
            pack_codebook(&plan.probabilities[k], bytes + plan.layout.probabilities_at[k]);
            pack_codebook(&plan.backoffs[k], bytes + plan.layout.backoffs_at[k]);
            pack_order(draft, k, &plan, bytes);
        }
        ngram_header_write(&plan.header, bytes);
        plan.header.checksum = ngram_checksum(bytes, plan.layout.file_bytes);
        ngram_header_write(&plan.header, bytes);
        *image = bytes;
        *n_bytes = plan.layout.file_bytes;
    }
    plan_free(&plan);
    return st;
}
