/* ngram_format.h - the bytes of a compiled language model, for its writer and its reader.
 *
 * The file is a trie over n-grams in reading order: an n-gram is a node, its parent is its
 * context (all its words but the last), its children are the n-grams that add one word, sorted by
 * word. The nodes of one order lie side by side as records of equal width in bits, sorted by
 * words, so the children of a node are one run of the next order; each record holds the start
 * of its run and the next record's start ends it. One record more closes each order but the last.
 *
 * A node's link is the node of its longest proper suffix that can still matter (it has children
 * or a back-off weight other than 0): where the search goes on after a word was not found.
 * KenLM's trie runs over reversed n-grams instead and needs no links, but walks every shorter
 * context to find the next state; with links most words cost one or two searches, and a state
 * is one number. For order 2 the link follows from the node's own word and is not stored.
 *
 * Every width and every offset follows from the counts in the header, so a damaged file cannot
 * state a contradictory one: either its length is what the header implies or it is refused. */
#ifndef MODEL_NGRAM_FORMAT_H
#define MODEL_NGRAM_FORMAT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/ngram.h"

enum {
    NGRAM_VERSION = 1,
    NGRAM_HEADER_BYTES = 144,
    NGRAM_MAX_CODEBOOK = 65536,
};

/* Values further from 0 are refused, so that no sum of them can overflow. */
#define NGRAM_MAX_LOG10 1000.0f

struct ngram_header {
    uint32_t checksum; /* ngram_checksum() */
    uint64_t file_bytes;
    uint32_t order;
    bool unk_given;
    uint64_t text_bytes; /* of all words, terminators included */
    uint64_t contexts_added;
    uint64_t counts[NGRAM_MAX_ORDER];
    /* Values per codebook; 0 stands for none: float32 in the records. In a codebook of
     * probabilities value 0 is NaN: "not an n-gram, only the context of others". In one of
     * back-off weights value 0 is 0. */
    uint32_t probability_values[NGRAM_MAX_ORDER];
    uint32_t backoff_values[NGRAM_MAX_ORDER];
};

/* Where one order's records are and what is in them. Fields in this order from bit 0. */
struct ngram_fields {
    uint64_t records_at; /* byte offset in the file */
    uint32_t first_node; /* number of the first of these nodes; 0 is the empty context */
    uint8_t word_bits;   /* 0 at order 1, where record n is word n */
    uint8_t child_bits;  /* 0 at the highest order, as the next two */
    uint8_t link_bits;   /* 0 at orders 1 and 2 */
    uint8_t backoff_bits;
    uint8_t probability_bits;
    uint8_t record_bits;
};

struct ngram_layout {
    uint64_t offsets_at; /* where each word's text begins: words + 1 numbers of offset_bits */
    uint64_t text_at;
    uint8_t offset_bits;
    uint64_t probabilities_at[NGRAM_MAX_ORDER]; /* codebooks */
    uint64_t backoffs_at[NGRAM_MAX_ORDER];
    struct ngram_fields orders[NGRAM_MAX_ORDER];
    uint64_t file_bytes;
};

/* `bytes` has NGRAM_HEADER_BYTES. Reading checks the magic, the version and the flags only. */
void ngram_header_write(const struct ngram_header *header, uint8_t *bytes);
enum asr_status ngram_header_read(struct ngram_header *header, const uint8_t *bytes,
                                  const char *name, struct asr_error *err);

/* CRC-32 of a whole file but for the magic, the version and the checksum itself. */
uint32_t ngram_checksum(const uint8_t *bytes, uint64_t n_bytes);

/* ASR_ERR_LIMIT when counts do not fit the format; the text says which. */
enum asr_status ngram_layout_of(const struct ngram_header *header, struct ngram_layout *out,
                                struct asr_error *err);

/* Reads `width` (at most 57) bits. Eight bytes from the first are loaded, whatever the width:
 * the file ends in eight bytes of padding. */
static inline uint64_t ngram_bits_get(const uint8_t *bytes, uint64_t bit, unsigned width)
{
    uint64_t word;
    memcpy(&word, bytes + (bit >> 3), sizeof(word));
    return (le64toh(word) >> (bit & 7)) & ((UINT64_C(1) << width) - 1);
}

/* The same for writing, onto bits that are still 0; `value` has at most 57. */
static inline void ngram_bits_put(uint8_t *bytes, uint64_t bit, uint64_t value)
{
    uint64_t word;
    memcpy(&word, bytes + (bit >> 3), sizeof(word));
    word |= htole64(value << (bit & 7));
    memcpy(bytes + (bit >> 3), &word, sizeof(word));
}

#endif
