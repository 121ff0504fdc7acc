/* ngram.h - a back-off n-gram language model in compiled form (model/FORMAT.md, section
 * "Compiled language model"), mapped read-only and queried in place.
 *
 * Probabilities are base-10 logarithms, as in ARPA files. A word that was not seen after its
 * context costs the context's back-off weight and is looked up again after the context without
 * its first word, down to the word's own unigram (Katz 1987). Words are numbered 0 to
 * ngram_words() - 1 in the byte order of their text, so that words with a common prefix are
 * neighbours.
 *
 * The file is not trusted: ngram_open() checks its checksum and every offset, word and link in
 * it, after which no query can read outside the mapping. Immutable after opening; shared by all
 * threads. Queries do not allocate. */
#ifndef MODEL_NGRAM_H
#define MODEL_NGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"

enum { NGRAM_MAX_ORDER = 6 };

struct ngram;

/* What of the words so far can still matter to the words to come. Two histories have the same
 * node if and only if they end in the same longest context that the model knows, so equal nodes
 * mean equal futures: hypotheses may be merged on it. All zero is the empty context. */
struct ngram_state {
    uint32_t node;
};

/* One word's score. `matched` is the order of the n-gram that gave the probability: 1 when it
 * came from the unigram, ngram_order() at most. */
struct ngram_score {
    float log10_probability;
    unsigned matched;
};

/* Maps the file. ASR_ERR_IO, ASR_ERR_FORMAT (damaged or not ours: the text names the file and what
 * is wrong) or ASR_ERR_UNSUPPORTED (another version of the format). */
enum asr_status ngram_open(struct ngram **out, const char *path, struct asr_error *err);
/* The same over bytes that the caller keeps; `name` stands for the file in messages. */
enum asr_status ngram_parse(struct ngram **out, const void *bytes, size_t n_bytes, const char *name,
                            struct asr_error *err);
void ngram_close(struct ngram *lm); /* NULL is fine */

unsigned ngram_order(const struct ngram *lm);
uint32_t ngram_words(const struct ngram *lm); /* <s>, </s> and <unk> included */

/* Always in the vocabulary. A model whose ARPA file had no <unk> gives it the probability that
 * was chosen when it was compiled (ngram_build.h). */
uint32_t ngram_bos(const struct ngram *lm); /* <s> */
uint32_t ngram_eos(const struct ngram *lm); /* </s> */
uint32_t ngram_unk(const struct ngram *lm); /* <unk> */

/* The word with this text (UTF-8, n_bytes without a terminator); ngram_unk() when there is none. */
uint32_t ngram_find(const struct ngram *lm, const char *text, size_t n_bytes);

/* The text of word < ngram_words(), 0-terminated, inside the mapping. *n_bytes (NULL is fine) is
 * its length without the terminator. */
const char *ngram_text(const struct ngram *lm, uint32_t word, size_t *n_bytes);

/* The state before a sentence's first word, <s> being its context. */
struct ngram_state ngram_start(const struct ngram *lm);

/* `word` (< ngram_words()) after `in` -> its score and the state behind it. `out` may be NULL,
 * or where `in` was copied from. End a sentence by scoring ngram_eos(). */
struct ngram_score ngram_score(const struct ngram *lm, struct ngram_state in, uint32_t word,
                               struct ngram_state *out);

/* log10 of the word's unigram probability, without any context. */
float ngram_unigram(const struct ngram *lm, uint32_t word);

/* For `scribed lm info` and the logs. */
struct ngram_info {
    unsigned order;
    unsigned probability_bits[NGRAM_MAX_ORDER]; /* 32: not quantised */
    unsigned backoff_bits[NGRAM_MAX_ORDER];     /* 0 at the highest order, which has none */
    uint64_t ngrams[NGRAM_MAX_ORDER];           /* ngrams[0] is the vocabulary */
    uint64_t contexts_added; /* of `ngrams`, those that the ARPA file lacked but used as contexts */
    uint64_t file_bytes;
    uint32_t checksum;
    bool unk_given; /* the ARPA file had <unk> */
};
void ngram_info(const struct ngram *lm, struct ngram_info *out);

#endif
