#include "model/arpa.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "model/arpa_number.h"

enum { BUFFER_BYTES = 16 * ARPA_MAX_LINE_BYTES, QUOTE_BYTES = 60 };

/* Rounding in the tool that wrote the file can lift a certain word slightly above certainty. */
#define MAX_ROUNDING_ABOVE_0 1e-3

struct arpa {
    gzFile file; /* zlib reads plain text as it is */
    char *path;
    uint64_t size_bytes;
    uint64_t line_number;
    unsigned order;                    /* highest that \data\ declares */
    unsigned section;                  /* n-grams being read now; 0 before \1-grams: */
    uint64_t declared[ARPA_MAX_ORDER]; /* by \data\ */
    uint64_t seen;                     /* n-grams of this section */
    bool at_eof;
    size_t begin, end; /* buffer[begin, end) is read but not used yet */
    char buffer[BUFFER_BYTES];
};

/* One line without its terminator and without blanks at either end. Empty ones are skipped. */
struct line {
    const char *text;
    size_t n_bytes;
};

enum asr_status arpa_fail(const struct arpa *arpa, struct asr_error *err, const char *format, ...)
{
    char what[200];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return asr_fail(err, ASR_ERR_FORMAT, "%.80s: line %llu: %s", arpa->path,
                    (unsigned long long)arpa->line_number, what);
}

/* The start of a line made fit for a message. */
static const char *quote(char out[QUOTE_BYTES], struct line line)
{
    size_t n = line.n_bytes < QUOTE_BYTES - 1 ? line.n_bytes : QUOTE_BYTES - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)line.text[i] < ' ' ? '?' : line.text[i];
    out[n] = '\0';
    return out;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct line trim(struct line line)
{
    while (line.n_bytes > 0 && is_blank(line.text[0])) {
        line.text++;
        line.n_bytes--;
    }
    while (line.n_bytes > 0 && is_blank(line.text[line.n_bytes - 1]))
        line.n_bytes--;
    return line;
}

static bool line_is(struct line line, const char *text)
{
    return line.n_bytes == strlen(text) && memcmp(line.text, text, line.n_bytes) == 0;
}

/* Cuts the next field of *rest off; false when there is none. */
static bool next_field(struct line *rest, struct line *field)
{
    *rest = trim(*rest);
    field->text = rest->text;
    field->n_bytes = 0;
    while (field->n_bytes < rest->n_bytes && !is_blank(rest->text[field->n_bytes]))
        field->n_bytes++;
    rest->text += field->n_bytes;
    rest->n_bytes -= field->n_bytes;
    return field->n_bytes > 0;
}

static enum asr_status refill(struct arpa *arpa, struct asr_error *err)
{
    size_t kept = arpa->end - arpa->begin;

    memmove(arpa->buffer, arpa->buffer + arpa->begin, kept);
    arpa->begin = 0;
    arpa->end = kept;
    int got = gzread(arpa->file, arpa->buffer + kept, (unsigned)(BUFFER_BYTES - kept));
    int zlib_error = Z_OK;
    const char *text = gzerror(arpa->file, &zlib_error);
    if (zlib_error == Z_ERRNO)
        return asr_fail(err, ASR_ERR_IO, "%.80s: cannot read: %s", arpa->path, strerror(errno));
    if (got < 0 || zlib_error != Z_OK)
        return arpa_fail(arpa, err, "broken gzip data after this line (%s)",
                         zlib_error == Z_BUF_ERROR ? "cut short" : text);
    arpa->at_eof = got == 0;
    arpa->end += (size_t)got;
    return ASR_OK;
}

/* The next line, blank or not; *found is false at the end of the file. */
static enum asr_status read_line(struct arpa *arpa, struct line *line, bool *found,
                                 struct asr_error *err)
{
    const char *newline = NULL;
    size_t searched = 0;

    for (;;) {
        line->text = arpa->buffer + arpa->begin;
        line->n_bytes = arpa->end - arpa->begin;
        if (line->n_bytes > searched)
            newline = memchr(line->text + searched, '\n', line->n_bytes - searched);
        if (newline || arpa->at_eof)
            break;
        searched = line->n_bytes;
        if (searched > ARPA_MAX_LINE_BYTES)
            break;
        enum asr_status st = refill(arpa, err);
        if (st != ASR_OK)
            return st;
    }
    *found = line->n_bytes > 0;
    if (newline)
        line->n_bytes = (size_t)(newline - line->text);
    arpa->begin += line->n_bytes + (newline != NULL);
    arpa->line_number += *found;
    if (line->n_bytes > ARPA_MAX_LINE_BYTES)
        return arpa_fail(arpa, err, "longer than %d bytes", ARPA_MAX_LINE_BYTES);
    if (memchr(line->text, '\0', line->n_bytes))
        return arpa_fail(arpa, err, "a zero byte, so this is not text");
    *line = trim(*line);
    return ASR_OK;
}

/* The next line that is not blank, for places where the file may not end. */
static enum asr_status need_line(struct arpa *arpa, struct line *line, const char *wanted,
                                 struct asr_error *err)
{
    bool found = true;
    enum asr_status st;

    do
        st = read_line(arpa, line, &found, err);
    while (st == ASR_OK && found && line->n_bytes == 0);
    if (st == ASR_OK && !found)
        return arpa_fail(arpa, err, "the file ends after this line, where %s was expected", wanted);
    return st;
}

static enum asr_status skip_to_data(struct arpa *arpa, struct asr_error *err)
{
    struct line line;
    enum asr_status st = need_line(arpa, &line, "\\data\\", err);

    if (st == ASR_OK && line.n_bytes >= 3 && memcmp(line.text, "\xEF\xBB\xBF", 3) == 0) {
        line.text += 3;
        line.n_bytes -= 3;
    }
    for (; st == ASR_OK && !line_is(line, "\\data\\"); st = need_line(arpa, &line, "\\data\\", err))
        if (arpa->line_number == 1 && (line_is(line, "iARPA") || line_is(line, "qARPA") ||
                                       (line.n_bytes > 5 && memcmp(line.text, "qARPA ", 6) == 0)))
            return asr_fail(err, ASR_ERR_UNSUPPORTED,
                            "%.80s: %.5s is an internal format of IRSTLM, not ARPA: convert it "
                            "with compile-lm --text=yes",
                            arpa->path, line.text);
    return st;
}

/* "ngram 2=500000", spaces anywhere. */
static enum asr_status read_count(struct arpa *arpa, struct line line, struct asr_error *err)
{
    char quoted[QUOTE_BYTES];
    const char *equals = memchr(line.text, '=', line.n_bytes);
    uint64_t order, count;

    if (!equals || line.n_bytes < 5 || memcmp(line.text, "ngram", 5) != 0)
        return arpa_fail(arpa, err, "expected \"ngram ORDER=COUNT\", found \"%s\"",
                         quote(quoted, line));
    struct line left = trim((struct line){line.text + 5, (size_t)(equals - line.text) - 5});
    struct line right =
        trim((struct line){equals + 1, line.n_bytes - (size_t)(equals - line.text) - 1});
    if (!arpa_parse_count(left.text, left.n_bytes, &order) ||
        !arpa_parse_count(right.text, right.n_bytes, &count))
        return arpa_fail(arpa, err, "expected \"ngram ORDER=COUNT\", found \"%s\"",
                         quote(quoted, line));
    if (order != arpa->order + 1U)
        return arpa_fail(arpa, err, "expected the count of order %u, found \"%s\"", arpa->order + 1,
                         quote(quoted, line));
    if (order > ARPA_MAX_ORDER)
        return asr_fail(err, ASR_ERR_UNSUPPORTED,
                        "%.80s: n-grams of order %llu; the highest supported is %d", arpa->path,
                        (unsigned long long)order, ARPA_MAX_ORDER);
    arpa->declared[arpa->order++] = count;
    return ASR_OK;
}

/* A line that begins with a backslash: the next section, or the end. */
static enum asr_status enter_section(struct arpa *arpa, struct line line, struct asr_error *err)
{
    char quoted[QUOTE_BYTES], wanted[32] = "\\end\\";
    uint64_t declared = arpa->section ? arpa->declared[arpa->section - 1] : 0;

    if (arpa->seen != declared)
        return arpa_fail(arpa, err, "\"%s\" after %llu %u-grams, but \\data\\ declares %llu",
                         quote(quoted, line), (unsigned long long)arpa->seen, arpa->section,
                         (unsigned long long)declared);
    if (arpa->section < arpa->order)
        snprintf(wanted, sizeof(wanted), "\\%u-grams:", arpa->section + 1);
    if (!line_is(line, wanted))
        return arpa_fail(arpa, err, "expected \"%s\", found \"%s\"", wanted, quote(quoted, line));
    arpa->section++;
    arpa->seen = 0;
    return ASR_OK;
}

static enum asr_status read_header(struct arpa *arpa, struct asr_error *err)
{
    struct line line;
    enum asr_status st = skip_to_data(arpa, err);

    while (st == ASR_OK) {
        st = need_line(arpa, &line, "\\1-grams:", err);
        if (st != ASR_OK)
            break;
        if (line.text[0] == '\\')
            break;
        st = read_count(arpa, line, err);
    }
    if (st == ASR_OK && arpa->order == 0)
        return arpa_fail(arpa, err, "\\data\\ declares no n-grams");
    return st == ASR_OK ? enter_section(arpa, line, err) : st;
}

enum asr_status arpa_open(struct arpa **out, const char *path, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct stat info;
    int fd = -1;
    struct arpa *arpa = calloc(1, sizeof(*arpa));

    *out = NULL;
    if (!arpa || !(arpa->path = strdup(path))) {
        st = asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
        goto fail;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        st = asr_fail(err, ASR_ERR_IO, "%s: %s", path, strerror(errno));
        goto fail;
    }
    arpa->size_bytes = info.st_size > 0 ? (uint64_t)info.st_size : 0;
    arpa->file = gzdopen(fd, "rb");
    if (!arpa->file) {
        st = asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
        goto fail;
    }
    fd = -1; /* gzclose() closes it */
    st = read_header(arpa, err);
    if (st != ASR_OK)
        goto fail;
    *out = arpa;
    return ASR_OK;

fail:
    if (fd >= 0)
        close(fd);
    arpa_close(arpa);
    return st;
}

void arpa_close(struct arpa *arpa)
{
    if (!arpa)
        return;
    if (arpa->file)
        gzclose(arpa->file);
    free(arpa->path);
    free(arpa);
}

double arpa_progress(const struct arpa *arpa)
{
    z_off_t used = gzoffset(arpa->file);
    if (arpa->size_bytes == 0 || used < 0)
        return 0;
    return fmin(1.0, (double)used / (double)arpa->size_bytes);
}

static enum asr_status read_value(const struct arpa *arpa, struct line field, const char *what,
                                  float *value, struct asr_error *err)
{
    char quoted[QUOTE_BYTES];
    double parsed;

    if (!arpa_parse_log10(field.text, field.n_bytes, &parsed))
        return arpa_fail(arpa, err, "expected %s as a base-10 logarithm, found \"%s\"", what,
                         quote(quoted, field));
    if (isinf(parsed) && parsed < 0)
        parsed = ARPA_LOG10_ZERO;
    if (fabs(parsed) > ARPA_MAX_LOG10)
        return arpa_fail(arpa, err, "%s of %s is beyond +-%g", what, quote(quoted, field),
                         (double)ARPA_MAX_LOG10);
    *value = (float)parsed + 0.0f; /* no negative zero */
    return ASR_OK;
}

static enum asr_status read_words(const struct arpa *arpa, struct line *rest,
                                  struct arpa_ngram *ngram, struct asr_error *err)
{
    struct line field;

    ngram->order = arpa->section;
    for (unsigned i = 0; i < ngram->order; i++) {
        if (!next_field(rest, &field))
            return arpa_fail(arpa, err, "expected %u word%s, found %u", ngram->order,
                             ngram->order == 1 ? "" : "s", i);
        if (field.n_bytes > ARPA_MAX_WORD_BYTES)
            return arpa_fail(arpa, err, "a word longer than %d bytes", ARPA_MAX_WORD_BYTES);
        ngram->words[i].text = field.text;
        ngram->words[i].n_bytes = field.n_bytes;
    }
    return ASR_OK;
}

/* "-1.285941 a little -0.69897" */
static enum asr_status read_ngram(struct arpa *arpa, struct line rest, struct arpa_ngram *ngram,
                                  struct asr_error *err)
{
    char quoted[QUOTE_BYTES];
    struct line field;
    enum asr_status st;

    if (arpa->seen++ == arpa->declared[arpa->section - 1])
        return arpa_fail(arpa, err, "more %u-grams than the %llu that \\data\\ declares",
                         arpa->section, (unsigned long long)arpa->declared[arpa->section - 1]);
    next_field(&rest, &field); /* the line is not blank */
    st = read_value(arpa, field, "a probability", &ngram->log10_probability, err);
    if (st != ASR_OK)
        return st;
    if (ngram->log10_probability > MAX_ROUNDING_ABOVE_0)
        return arpa_fail(arpa, err, "a probability above 1: its logarithm is %s",
                         quote(quoted, field));
    ngram->log10_probability = fminf(ngram->log10_probability, 0);
    ngram->log10_backoff = 0;
    st = read_words(arpa, &rest, ngram, err);
    if (st == ASR_OK && next_field(&rest, &field))
        st = read_value(arpa, field, "a back-off weight", &ngram->log10_backoff, err);
    if (st == ASR_OK && next_field(&rest, &field))
        st = arpa_fail(arpa, err, "\"%s\" after the back-off weight of a %u-gram",
                       quote(quoted, field), arpa->section);
    return st;
}

/* Reads to the end of the file, which is also what makes zlib compare its checksum. */
static enum asr_status read_trailer(struct arpa *arpa, struct asr_error *err)
{
    struct line line;
    char quoted[QUOTE_BYTES];
    bool found = true;
    enum asr_status st = ASR_OK;

    while (st == ASR_OK && found) {
        st = read_line(arpa, &line, &found, err);
        if (st == ASR_OK && line.n_bytes > 0)
            return arpa_fail(arpa, err, "\"%s\" after \\end\\", quote(quoted, line));
    }
    return st;
}

enum asr_status arpa_next(struct arpa *arpa, struct arpa_ngram *ngram, bool *done,
                          struct asr_error *err)
{
    struct line line;
    enum asr_status st = ASR_OK;

    *done = false;
    while (arpa->section <= arpa->order) {
        st = need_line(arpa, &line, "more of the model, up to \\end\\,", err);
        if (st != ASR_OK)
            return st;
        if (line.text[0] != '\\')
            return read_ngram(arpa, line, ngram, err);
        st = enter_section(arpa, line, err);
        if (st != ASR_OK)
            return st;
    }
    *done = true;
    return read_trailer(arpa, err);
}
