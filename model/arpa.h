/* arpa.h - ARPA back-off language models, read as a stream of n-grams from plain or gzip text.
 *
 * Read as SRILM, KenLM and IRSTLM write it: anything before \data\; spaces or tabs
 * between fields, any number; LF or CRLF; a UTF-8 byte order mark; back-off weights left out where
 * they are 0; -inf for -99. Values are base-10 logarithms. The counts of \data\ must be what
 * follows, so that a file cut short is noticed even when it is cut between lines.
 *
 * Errors give the file, the line number and what was found there. Memory does not depend on the
 * file: one line is at most ARPA_MAX_LINE_BYTES. A struct arpa belongs to one thread. */
#ifndef MODEL_ARPA_H
#define MODEL_ARPA_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

enum { ARPA_MAX_ORDER = 6, ARPA_MAX_LINE_BYTES = 16384, ARPA_MAX_WORD_BYTES = 1024 };

/* log10 of probability zero, as SRILM writes it; what -inf is read as. */
#define ARPA_LOG10_ZERO (-99.0f)
/* No value of a real model is near this; a larger one is refused, so that sums stay finite. */
#define ARPA_MAX_LOG10 1000.0f

struct arpa;

/* Valid until the next call. Words are not 0-terminated, are not empty and contain no 0. */
struct arpa_ngram {
    unsigned order; /* words in use */
    struct {
        const char *text;
        size_t n_bytes;
    } words[ARPA_MAX_ORDER];
    float log10_probability; /* never above 0 */
    float log10_backoff;     /* 0 when the line has none */
};

/* Opens the file and reads up to the end of \data\. ASR_ERR_IO, ASR_ERR_FORMAT, or
 * ASR_ERR_UNSUPPORTED for an order above ARPA_MAX_ORDER and for IRSTLM's own formats. */
enum asr_status arpa_open(struct arpa **out, const char *path, struct asr_error *err);
void arpa_close(struct arpa *arpa); /* NULL is fine */

/* The next n-gram; orders ascend. *done is set, and *ngram is not, once the model and the file
 * have ended properly. */
enum asr_status arpa_next(struct arpa *arpa, struct arpa_ngram *ngram, bool *done,
                          struct asr_error *err);

/* Fills *err with "FILE: line N: ..." for the line read last, for what only the caller can see. */
enum asr_status arpa_fail(const struct arpa *arpa, struct asr_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How much of the file has been read, 0 to 1. */
double arpa_progress(const struct arpa *arpa);

#endif
