#include "server/phrase_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mapped_file.h"
#include "proto/utf8.h"

/* Not a number: it is none. */
static double read_weight(const char *text, size_t n_bytes)
{
    char copy[32], *end;

    if (n_bytes == 0 || n_bytes >= sizeof(copy))
        return NAN;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = 0;
    /* strtod() would take blanks and hexadecimal too. */
    if (strspn(copy, "0123456789.eE+-") != n_bytes)
        return NAN;
    double weight = strtod(copy, &end);
    return *end ? NAN : weight;
}

static enum asr_status read_line(struct phrase_list *list, const char *where, const char *line,
                                 size_t n_bytes, struct asr_error *err)
{
    const char *tab = memchr(line, '\t', n_bytes);
    size_t n_phrase = tab ? (size_t)(tab - line) : n_bytes;
    double weight = PHRASE_DEFAULT_WEIGHT;
    struct api_error e;

    if (n_bytes == 0)
        return ASR_OK;
    if (memchr(line, 0, n_bytes) || !utf8_valid(line, n_bytes))
        return asr_fail(err, ASR_ERR_FORMAT, "%s: is not UTF-8 text", where);
    if (tab)
        weight = read_weight(tab + 1, n_bytes - n_phrase - 1);
    if (isnan(weight))
        return asr_fail(err, ASR_ERR_FORMAT, "%s: behind the tab is no number", where);
    enum api_error_code code = phrase_list_add(list, where, line, n_phrase, weight, &e);
    if (code == API_OK)
        return ASR_OK;
    return asr_fail(err, code == API_OVERLOADED ? ASR_ERR_NOMEM : ASR_ERR_FORMAT, "%s", e.message);
}

enum asr_status phrase_file_read(struct phrase_list *list, const char *path, struct asr_error *err)
{
    struct mapped_file file;
    char where[300];
    size_t number = 0;
    enum asr_status st = mapped_file_open(&file, path, err);

    if (st == ASR_OK && file.n_bytes > PHRASE_FILE_MAX_BYTES)
        st = asr_fail(err, ASR_ERR_LIMIT, "%s: %zu bytes, more than %d", path, file.n_bytes,
                      PHRASE_FILE_MAX_BYTES);
    size_t left = st == ASR_OK ? file.n_bytes : 0;
    for (const char *line = file.bytes; st == ASR_OK && left > 0;) {
        const char *newline = memchr(line, '\n', left);
        size_t n = newline ? (size_t)(newline - line) : left;
        snprintf(where, sizeof(where), "%.200s:%zu", path, ++number);
        st = read_line(list, where, line, n > 0 && line[n - 1] == '\r' ? n - 1 : n, err);
        n += newline != NULL;
        line += n;
        left -= n;
    }
    mapped_file_close(&file);
    return st;
}
