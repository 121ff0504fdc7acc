/* multipart.c - see multipart.h.
 *
 * Everything hangs on one string, the delimiter CR LF "--" boundary. The body is taken to follow a
 * CR LF, so that the first delimiter, which starts the body, is like all others. The same goes for
 * a part without data, where the CR LF of the empty line is the delimiter's too.
 *
 * Data is searched for CR with memchr() and handed on in runs, so a recording is never copied and
 * is walked once. A delimiter may be cut anywhere by the end of a piece: `matched` bytes of it are
 * then held back. Should the next piece not go on with it, they were data, and since they equal
 * the delimiter's first bytes they are handed on from there. As the delimiter has only one CR, its
 * first byte, a failed match can begin again at no earlier place than where it failed.
 *
 * Strict where laxity would let two parsers read one body differently: lines end in CR LF, part
 * headers are not folded, a delimiter is followed by nothing but blanks. */
#include "proto/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/count.h"
#include "proto/header_value.h"
#include "proto/utf8.h"

enum { MAX_BOUNDARY = 70 }; /* RFC 2046, section 5.1.1 */

enum state {
    IN_BODY,         /* preamble or a part's data */
    AFTER_DELIMITER, /* nothing seen behind it yet */
    AFTER_DASH,      /* "-" seen: the closing delimiter, if another follows */
    IN_PADDING,      /* blanks behind a delimiter */
    BEFORE_LF,       /* CR seen: the delimiter's line is about to end */
    IN_HEADERS,
    CLOSED, /* the rest is epilogue */
    FAILED
};

struct multipart {
    struct multipart_events events;
    void *ctx;
    struct multipart_limits limits;
    enum state state;
    bool in_part; /* begin() has been called, end() has not */
    size_t n_parts;
    char delimiter[4 + MAX_BOUNDARY];
    size_t n_delimiter;
    size_t matched;    /* bytes of the delimiter seen and held back */
    size_t lent;       /* of these, the first that are not data should the match fail */
    size_t n_header;   /* bytes in `header` */
    size_t line_start; /* of the header line being read */
    char header[];     /* [limits.max_header_bytes + 1], 0-terminated before it is parsed */
};

/* ---- construction --------------------------------------------------------------------------- */

/* Finds the boundary in `value`, which is cut to pieces. */
static enum asr_status find_boundary(char *value, const char **boundary, struct asr_error *err)
{
    char *cursor = value, *name, *text;
    enum header_param param;
    bool found = false;

    const char *type = header_value_start(&cursor);
    if (strcasecmp(type, "multipart/form-data") != 0)
        return asr_fail(err, ASR_ERR_FORMAT, "Content-Type is not multipart/form-data but \"%s\"",
                        utf8_quote(type, strlen(type)).text);
    while ((param = header_value_next(&cursor, &name, &text)) == HEADER_PARAM) {
        if (strcmp(name, "boundary") != 0)
            continue;
        if (found)
            return asr_fail(err, ASR_ERR_FORMAT, "Content-Type has two boundaries");
        found = true;
        *boundary = text;
    }
    if (param == HEADER_PARAM_BROKEN)
        return asr_fail(err, ASR_ERR_FORMAT, "Content-Type has a malformed parameter");
    if (!found)
        return asr_fail(err, ASR_ERR_FORMAT, "Content-Type has no boundary");
    return ASR_OK;
}

static enum asr_status check_boundary(const char *boundary, size_t n, struct asr_error *err)
{
    if (n < 1 || n > MAX_BOUNDARY)
        return asr_fail(err, ASR_ERR_FORMAT, "the boundary has %zu characters, not 1 to %d", n,
                        MAX_BOUNDARY);
    for (size_t i = 0; i < n; i++)
        if (boundary[i] < 0x20 || boundary[i] > 0x7E)
            return asr_fail(err, ASR_ERR_FORMAT, "the boundary has a character that is not ASCII");
    if (boundary[n - 1] == ' ')
        return asr_fail(err, ASR_ERR_FORMAT, "the boundary ends in a blank");
    return ASR_OK;
}

enum asr_status multipart_new(struct multipart **out, const char *content_type,
                              const struct multipart_limits *limits,
                              const struct multipart_events *events, void *ctx,
                              struct asr_error *err)
{
    enum asr_status st;
    const char *boundary = "";
    size_t n_boundary, n_type = strlen(content_type);
    struct multipart *mp = NULL;

    *out = NULL;
    if (n_type > limits->max_header_bytes)
        return asr_fail(err, ASR_ERR_FORMAT, "Content-Type has %zu bytes, more than %zu", n_type,
                        limits->max_header_bytes);
    mp = calloc(1, sizeof(*mp) + limits->max_header_bytes + 1);
    if (!mp)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a multipart parser");

    memcpy(mp->header, content_type, n_type + 1); /* the first thing the header memory is for */
    st = find_boundary(mp->header, &boundary, err);
    n_boundary = strlen(boundary);
    if (st == ASR_OK)
        st = check_boundary(boundary, n_boundary, err);
    if (st != ASR_OK)
        goto fail;

    mp->events = *events;
    mp->ctx = ctx;
    mp->limits = *limits;
    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, boundary, n_boundary);
    mp->n_delimiter = 4 + n_boundary;
    mp->state = IN_BODY;
    mp->matched = mp->lent = 2;
    *out = mp;
    return ASR_OK;

fail:
    free(mp);
    return st;
}

void multipart_free(struct multipart *mp)
{
    free(mp);
}

/* ---- part headers --------------------------------------------------------------------------- */

/* The Content-Disposition's parameters into *part. */
static enum asr_status read_disposition(char *value, struct multipart_part *part,
                                        struct asr_error *err)
{
    char *cursor = value, *name, *text;
    const char *extended = NULL;
    enum header_param param;

    const char *type = header_value_start(&cursor);
    if (strcasecmp(type, "form-data") != 0)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "a part's Content-Disposition is not form-data but \"%s\"",
                        utf8_quote(type, strlen(type)).text);
    while ((param = header_value_next(&cursor, &name, &text)) == HEADER_PARAM) {
        if (strcmp(name, "filename*") == 0) {
            extended = header_value_decode_extended(text);
            continue;
        }
        const char **slot = strcmp(name, "name") == 0       ? &part->name
                            : strcmp(name, "filename") == 0 ? &part->filename
                                                            : NULL;
        if (slot && *slot)
            return asr_fail(err, ASR_ERR_FORMAT, "a part's Content-Disposition has two %s", name);
        if (slot)
            *slot = text;
    }
    if (param == HEADER_PARAM_BROKEN)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "a part's Content-Disposition has a malformed parameter");
    if (!part->name)
        return asr_fail(err, ASR_ERR_FORMAT, "a part's Content-Disposition has no name");
    if (extended)
        part->filename = extended; /* RFC 6266, section 4.3: it is the better one of the two */
    return ASR_OK;
}

/* RFC 7578, section 4.7, has done away with encodings: data in one would be taken for audio. */
static enum asr_status check_transfer_encoding(const char *value, struct asr_error *err)
{
    static const char *const plain[] = {"binary", "8bit", "7bit"};

    for (size_t i = 0; i < COUNT(plain); i++)
        if (strcasecmp(value, plain[i]) == 0)
            return ASR_OK;
    return asr_fail(err, ASR_ERR_FORMAT,
                    "a part has the Content-Transfer-Encoding \"%s\": send it as plain bytes",
                    utf8_quote(value, strlen(value)).text);
}

/* One line without its CR LF: "Name: value". Headers that mean nothing here are skipped. */
static enum asr_status read_header_line(char *line, struct multipart_part *part,
                                        struct asr_error *err)
{
    if (*line == ' ' || *line == '\t')
        return asr_fail(err, ASR_ERR_FORMAT, "a part's header is folded over two lines");
    char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return asr_fail(err, ASR_ERR_FORMAT, "a part's header has no colon: \"%s\"",
                        utf8_quote(line, strlen(line)).text);
    *colon = 0;
    char *value = colon + 1, *cursor = value;
    if (strcasecmp(line, "Content-Disposition") == 0) {
        if (part->name)
            return asr_fail(err, ASR_ERR_FORMAT, "a part has two Content-Disposition headers");
        return read_disposition(value, part, err);
    }
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0)
        return check_transfer_encoding(header_value_start(&cursor), err);
    if (strcasecmp(line, "Content-Type") == 0)
        part->content_type = value + strspn(value, " \t");
    return ASR_OK;
}

/* The header lines in `header`, each ended by CR LF, without the empty one. */
static enum asr_status begin_part(struct multipart *mp, struct asr_error *err)
{
    struct multipart_part part = {0};
    char *line = mp->header, *end;

    mp->header[mp->n_header] = 0;
    while ((end = strstr(line, "\r\n")) != NULL) {
        *end = 0;
        enum asr_status st = read_header_line(line, &part, err);
        if (st != ASR_OK)
            return st;
        line = end + 2;
    }
    if (!part.name)
        return asr_fail(err, ASR_ERR_FORMAT, "a part has no Content-Disposition with a name");
    if (mp->n_parts == mp->limits.max_parts)
        return asr_fail(err, ASR_ERR_LIMIT, "more than %zu parts", mp->limits.max_parts);
    mp->n_parts++;
    mp->in_part = true;
    mp->state = IN_BODY;
    mp->matched = mp->lent = 2;
    return mp->events.begin(mp->ctx, &part, err);
}

/* ---- states: each takes from bytes[n_bytes] and says how much in *used ------------------------
 */

/* The bytes of one part's headers, up to the empty line behind them. */
static enum asr_status take_headers(struct multipart *mp, const char *bytes, size_t n_bytes,
                                    size_t *used, struct asr_error *err)
{
    size_t i = 0;

    while (i < n_bytes && mp->state == IN_HEADERS) {
        char c = bytes[i++];
        bool after_cr = mp->n_header > mp->line_start && mp->header[mp->n_header - 1] == '\r';
        if (after_cr != (c == '\n'))
            return asr_fail(err, ASR_ERR_FORMAT, "a part's header line does not end in CR LF");
        if (c == 0)
            return asr_fail(err, ASR_ERR_FORMAT, "a part's header has a NUL byte");
        if (mp->n_header == mp->limits.max_header_bytes)
            return asr_fail(err, ASR_ERR_LIMIT, "a part's headers have more than %zu bytes",
                            mp->limits.max_header_bytes);
        mp->header[mp->n_header++] = c;
        if (c != '\n')
            continue;
        if (mp->n_header - mp->line_start == 2) { /* an empty line: CR LF and nothing else */
            mp->n_header -= 2;
            enum asr_status st = begin_part(mp, err);
            if (st != ASR_OK)
                return st;
        }
        mp->line_start = mp->n_header;
    }
    *used = i;
    return ASR_OK;
}

static enum asr_status emit(struct multipart *mp, const char *bytes, size_t n_bytes,
                            struct asr_error *err)
{
    if (!mp->in_part || n_bytes == 0) /* the preamble is nobody's */
        return ASR_OK;
    return mp->events.data(mp->ctx, bytes, n_bytes, err);
}

/* The whole delimiter has been seen. */
static enum asr_status end_of_data(struct multipart *mp, struct asr_error *err)
{
    bool had_part = mp->in_part;

    mp->matched = mp->lent = 0;
    mp->in_part = false;
    mp->state = AFTER_DELIMITER;
    return had_part ? mp->events.end(mp->ctx, err) : ASR_OK;
}

/* Goes on with a delimiter that an earlier piece, or take_body() in this one, began. */
static enum asr_status continue_delimiter(struct multipart *mp, const char *bytes, size_t n_bytes,
                                          size_t *used, struct asr_error *err)
{
    size_t left = mp->n_delimiter - mp->matched;
    size_t n = n_bytes < left ? n_bytes : left;
    size_t same = 0;

    while (same < n && bytes[same] == mp->delimiter[mp->matched + same])
        same++;
    mp->matched += same;
    *used = same;
    if (mp->matched == mp->n_delimiter)
        return end_of_data(mp, err);
    if (same == n)
        return ASR_OK;
    size_t lent = mp->lent, held = mp->matched - lent; /* not a delimiter after all */
    mp->matched = mp->lent = 0;
    return emit(mp, mp->delimiter + lent, held, err);
}

static enum asr_status take_body(struct multipart *mp, const char *bytes, size_t n_bytes,
                                 size_t *used, struct asr_error *err)
{
    const char *end = bytes + n_bytes, *at = bytes, *cr;

    if (mp->matched > 0)
        return continue_delimiter(mp, bytes, n_bytes, used, err);
    while ((cr = memchr(at, '\r', (size_t)(end - at))) != NULL) {
        size_t left = (size_t)(end - cr);
        size_t n = left < mp->n_delimiter ? left : mp->n_delimiter;
        if (memcmp(cr, mp->delimiter, n) == 0)
            break;
        at = cr + 1;
    }
    const char *data_end = cr ? cr : end;
    mp->matched = cr ? 1 : 0; /* the rest of it is for continue_delimiter() */
    *used = (size_t)(data_end - bytes) + mp->matched;
    return emit(mp, bytes, (size_t)(data_end - bytes), err);
}

/* One byte of the line on which a delimiter stands. */
static enum asr_status take_delimiter_line(struct multipart *mp, char c, struct asr_error *err)
{
    if (mp->state == AFTER_DELIMITER && c == '-') {
        mp->state = AFTER_DASH;
    } else if (mp->state == AFTER_DASH && c == '-') {
        mp->state = CLOSED;
    } else if (mp->state == BEFORE_LF && c == '\n') {
        mp->state = IN_HEADERS;
        mp->n_header = mp->line_start = 0;
    } else if (mp->state == AFTER_DELIMITER || mp->state == IN_PADDING) {
        if (c != ' ' && c != '\t' && c != '\r')
            return asr_fail(err, ASR_ERR_FORMAT, "a boundary is followed by other text");
        mp->state = c == '\r' ? BEFORE_LF : IN_PADDING;
    } else {
        return asr_fail(err, ASR_ERR_FORMAT, "a boundary's line does not end in CR LF");
    }
    return ASR_OK;
}

enum asr_status multipart_push(struct multipart *mp, const char *bytes, size_t n_bytes,
                               struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    if (mp->state == FAILED)
        return asr_fail(err, ASR_ERR_FORMAT, "the body has already been refused");
    while (n_bytes > 0 && st == ASR_OK && mp->state != CLOSED) {
        size_t used = 1;
        if (mp->state == IN_BODY)
            st = take_body(mp, bytes, n_bytes, &used, err);
        else if (mp->state == IN_HEADERS)
            st = take_headers(mp, bytes, n_bytes, &used, err);
        else
            st = take_delimiter_line(mp, *bytes, err);
        if (st != ASR_OK)
            break;
        bytes += used;
        n_bytes -= used;
    }
    if (st != ASR_OK)
        mp->state = FAILED;
    return st;
}

enum asr_status multipart_finish(const struct multipart *mp, struct asr_error *err)
{
    if (mp->state == CLOSED)
        return ASR_OK;
    if (mp->state == FAILED)
        return asr_fail(err, ASR_ERR_FORMAT, "the body has already been refused");
    return asr_fail(err, ASR_ERR_FORMAT, "the body ends before its closing boundary");
}
