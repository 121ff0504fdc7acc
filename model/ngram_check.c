#include <math.h>

#include "model/ngram_reader.h"

/* A checksum only finds accidents. This pass over every record finds malice and bugs of a writer,
 * and is what lets queries do without a single bounds check. */

static enum asr_status damaged(const char *name, struct asr_error *err, const char *what,
                               unsigned order, uint64_t record)
{
    return asr_fail(err, ASR_ERR_FORMAT, "%s: impossible contents: %s (order %u, record %llu)",
                    name, what, order, (unsigned long long)record);
}

static bool is_log10(float value)
{
    return fabsf(value) <= NGRAM_MAX_LOG10; /* false for NaN */
}

static enum asr_status check_vocabulary(const struct ngram *lm, const char *name,
                                        struct asr_error *err)
{
    const uint64_t text_bytes = lm->header.text_bytes;
    const char *before = NULL;
    uint64_t begin = 0;

    if (ngram_bits_get(lm->offsets, 0, lm->offset_bits) != 0)
        return damaged(name, err, "the first word's text is not at 0", 1, 0);
    for (uint64_t word = 0; word < lm->levels[0].count; word++) {
        uint64_t end = ngram_bits_get(lm->offsets, (word + 1) * lm->offset_bits, lm->offset_bits);
        if (end <= begin || end > text_bytes)
            return damaged(name, err, "a word's text is outside the texts", 1, word);
        const char *text = lm->text + begin;
        if (memchr(text, '\0', end - begin) != text + (end - begin) - 1)
            return damaged(name, err, "a word's text does not end where its successor's begins", 1,
                           word);
        if (before && strcmp(before, text) >= 0)
            return damaged(name, err, "words out of order", 1, word);
        before = text;
        begin = end;
    }
    if (begin != text_bytes)
        return damaged(name, err, "text behind the last word", 1, lm->levels[0].count);
    return ASR_OK;
}

static bool codebook_is_sound(const float *codebook, uint32_t values, bool of_probabilities)
{
    if (values == 0)
        return true;
    if (of_probabilities ? !isnan(codebook[0]) : codebook[0] != 0)
        return false;
    for (uint32_t i = 1; i < values; i++)
        if (!is_log10(codebook[i]))
            return false;
    return true;
}

static bool code_is_sound(const struct ngram_level *level, uint64_t record, unsigned at,
                          unsigned width, uint32_t codebook_values)
{
    return codebook_values == 0 || ngram_field(level, record, at, width) < codebook_values;
}

static enum asr_status check_values(const struct ngram *lm, unsigned k, const char *name,
                                    struct asr_error *err)
{
    const struct ngram_level *level = &lm->levels[k];
    const uint32_t probabilities = lm->header.probability_values[k];
    const uint32_t backoffs = lm->header.backoff_values[k];
    const bool inner = k + 1 < lm->order;

    if (!codebook_is_sound(level->probabilities, probabilities, true) ||
        !codebook_is_sound(level->backoffs, backoffs, false))
        return damaged(name, err, "a codebook value", k + 1, 0);
    for (uint64_t i = 0; i < level->count; i++) {
        if (!code_is_sound(level, i, level->probability_at, level->probability_bits, probabilities))
            return damaged(name, err, "a probability outside the codebook", k + 1, i);
        float probability = ngram_probability(level, i);
        /* Only inner nodes other than words can be mere contexts. */
        if (!is_log10(probability) && !(isnan(probability) && inner && k > 0))
            return damaged(name, err, "a probability", k + 1, i);
        if (!inner)
            continue;
        if (!code_is_sound(level, i, level->backoff_at, level->backoff_bits, backoffs))
            return damaged(name, err, "a back-off weight outside the codebook", k + 1, i);
        if (!is_log10(ngram_backoff(level, i)))
            return damaged(name, err, "a back-off weight", k + 1, i);
    }
    return ASR_OK;
}

/* The words of one run of children: below the vocabulary's size and ascending. */
static bool children_are_sound(const struct ngram *lm, const struct ngram_level *children,
                               uint32_t begin, uint32_t end)
{
    uint64_t least = 0;

    for (uint64_t i = begin; i < end; i++) {
        uint64_t word = ngram_field(children, i, 0, children->word_bits);
        if (word < least || word >= lm->levels[0].count)
            return false;
        least = word + 1;
    }
    return true;
}

static enum asr_status check_children(const struct ngram *lm, unsigned k, const char *name,
                                      struct asr_error *err)
{
    const struct ngram_level *level = &lm->levels[k], *children = level + 1;
    uint32_t begin = ngram_child_begin(level, 0);

    if (begin != 0)
        return damaged(name, err, "children that do not begin at 0", k + 1, 0);
    for (uint64_t i = 0; i < level->count; i++) {
        uint32_t end = ngram_child_begin(level, i + 1);
        if (end < begin || end > children->count)
            return damaged(name, err, "children outside the next order", k + 1, i);
        if (!children_are_sound(lm, children, begin, end))
            return damaged(name, err, "children out of order", k + 1, i);
        begin = end;
    }
    if (begin != children->count)
        return damaged(name, err, "children without a parent", k + 1, level->count);
    return ASR_OK;
}

/* Links go to lower orders only, so that following them ends. */
static enum asr_status check_links(const struct ngram *lm, unsigned k, const char *name,
                                   struct asr_error *err)
{
    const struct ngram_level *level = &lm->levels[k];

    for (uint64_t i = 0; i < level->count; i++)
        if (ngram_field(level, i, level->link_at, level->link_bits) >= level->first_node)
            return damaged(name, err, "a link that does not shorten the context", k + 1, i);
    return ASR_OK;
}

enum asr_status ngram_check(const struct ngram *lm, const char *name, struct asr_error *err)
{
    enum asr_status st = check_vocabulary(lm, name, err);

    for (unsigned k = 0; st == ASR_OK && k < lm->order; k++) {
        st = check_values(lm, k, name, err);
        if (st == ASR_OK && k + 1 < lm->order)
            st = check_children(lm, k, name, err);
        if (st == ASR_OK && k >= 2 && k + 1 < lm->order)
            st = check_links(lm, k, name, err);
    }
    return st;
}
