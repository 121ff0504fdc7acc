/* labels.h - what a user has written -> the model's labels.
 *
 * A character that some token has stands for itself. Else the character's other case is tried, and
 * U+2019 is read as an apostrophe; an apostrophe that the model lacks is left out. White space and
 * punctuation separate words, a run of them once, and count for nothing at either end. All
 * else (digits, signs that are read as words, foreign letters) is what the model lacks: such a
 * text is refused and the characters are named. What was normalised is then cut into tokens,
 * the longest first.
 *
 * Cases are known of Latin, Greek and Cyrillic letters in their composed form (NFC).
 *
 * A struct speller is immutable and shared by all threads. */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "model/config.h"

struct speller;

/* Borrows the config. */
enum asr_status speller_new(struct speller **out, const struct model_config *config,
                            struct asr_error *err);
void speller_free(struct speller *speller); /* NULL is fine */

/* Where in the text a label is from: bytes [begin, end). */
struct label_span {
    uint32_t begin, end;
};

/* Owned by whoever declared it: labels_free(). All zero is empty. */
struct labels {
    uint32_t *tokens;         /* [n], words parted by one separator each */
    struct label_span *spans; /* [n] */
    size_t n;
};

/* `text` is UTF-8 without a 0 in it. ASR_ERR_UNSUPPORTED names the characters that the model
 * lacks; ASR_ERR_INVALID: there is no word; ASR_ERR_LIMIT: 4 GB or more. On failure *out is empty.
 * Time is in proportion to the text's bytes x the longest token's. */
enum asr_status labels_spell(const struct speller *speller, const char *text, struct labels *out,
                             struct asr_error *err);
void labels_free(struct labels *labels);

#endif
