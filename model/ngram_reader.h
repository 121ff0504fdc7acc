/* ngram_reader.h - struct ngram and its records, for ngram.c and ngram_check.c only. */
#ifndef MODEL_NGRAM_READER_H
#define MODEL_NGRAM_READER_H

#include "model/mapped_file.h"
#include "model/ngram_format.h"

/* One order of a mapped model: ngram_fields with everything that a query would add up. */
struct ngram_level {
    const uint8_t *records;
    uint64_t count;
    uint32_t first_node;
    uint8_t record_bits;
    uint8_t word_bits, child_bits, link_bits, backoff_bits, probability_bits; /* widths */
    uint8_t child_at, link_at, backoff_at, probability_at;                    /* first bits */
    const float *probabilities, *backoffs; /* codebooks; NULL: float32 in the records */
};

struct ngram {
    struct ngram_level levels[NGRAM_MAX_ORDER]; /* levels[k]: the n-grams of order k + 1 */
    unsigned order;
    uint32_t bos, eos, unk;
    uint32_t start_node;
    const uint8_t *offsets;
    uint8_t offset_bits;
    const char *text;
    struct ngram_header header;
    float *codebooks;        /* owned; all of them, one after the other */
    struct mapped_file file; /* closed when the caller keeps the bytes */
};

static inline uint64_t ngram_field(const struct ngram_level *level, uint64_t record, unsigned at,
                                   unsigned width)
{
    return ngram_bits_get(level->records, record * level->record_bits + at, width);
}

/* The children of a record are [begin, end) of the next level. */
static inline uint32_t ngram_child_begin(const struct ngram_level *level, uint64_t record)
{
    return (uint32_t)ngram_field(level, record, level->child_at, level->child_bits);
}

static inline float ngram_value(const struct ngram_level *level, uint64_t record, unsigned at,
                                unsigned width, const float *codebook)
{
    uint32_t code = (uint32_t)ngram_field(level, record, at, width);
    float value;

    if (codebook)
        return codebook[code];
    memcpy(&value, &code, sizeof(value));
    return value;
}

/* NaN: not an n-gram, only the context of others. */
static inline float ngram_probability(const struct ngram_level *level, uint64_t record)
{
    return ngram_value(level, record, level->probability_at, level->probability_bits,
                       level->probabilities);
}

static inline float ngram_backoff(const struct ngram_level *level, uint64_t record)
{
    return ngram_value(level, record, level->backoff_at, level->backoff_bits, level->backoffs);
}

/* Proves that queries stay inside the file and end. `name` stands for the file in messages. */
enum asr_status ngram_check(const struct ngram *lm, const char *name, struct asr_error *err);

#endif
