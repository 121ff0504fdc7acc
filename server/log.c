#include "server/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/utf8.h"

/* Room kept back for the mark of a truncated line, the closing brace and the newline. */
enum { RESERVED_BYTES = 32 };

static struct {
    enum log_format format;
    enum log_level lowest;
} config = {LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO};

void log_setup(enum log_format format, enum log_level lowest)
{
    config.format = format;
    config.lowest = lowest;
}

/* False when the text does not fit in `limit` bytes; the line may then end in a part of it. */
static bool put(struct log_line *line, size_t limit, const char *text, size_t n_bytes)
{
    if (n_bytes > limit - line->n_bytes)
        return false;
    memcpy(line->bytes + line->n_bytes, text, n_bytes);
    line->n_bytes += n_bytes;
    return true;
}

/* One character of a quoted value: as it is, or as a JSON escape. Consumes 1 to 4 bytes. */
static bool put_character(struct log_line *line, size_t limit, const char **at, const char *end)
{
    char escaped[8];
    unsigned char c = (unsigned char)**at;
    size_t n = utf8_length(*at, (size_t)(end - *at));
    const char *start = *at;

    *at += n ? n : 1;
    if (n == 0)
        return put(line, limit, "\\ufffd", 6);
    if (c == '"' || c == '\\') {
        escaped[0] = '\\';
        escaped[1] = (char)c;
        return put(line, limit, escaped, 2);
    }
    if (c == '\n' || c == '\r' || c == '\t')
        return put(line, limit, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t", 2);
    /* C1 controls, U+0080 to U+009F, drive some terminals just as the C0 controls do. */
    bool c1 = n == 2 && c == 0xC2 && (unsigned char)start[1] < 0xA0;
    if (c < 0x20 || c == 0x7F || c1) {
        snprintf(escaped, sizeof(escaped), "\\u%04x", c1 ? (unsigned char)start[1] : c);
        return put(line, limit, escaped, 6);
    }
    return put(line, limit, start, n);
}

static bool put_quoted(struct log_line *line, size_t limit, const char *value)
{
    const char *end = value + strlen(value);

    if (!put(line, limit, "\"", 1))
        return false;
    while (value < end)
        if (!put_character(line, limit, &value, end))
            return false;
    return put(line, limit, "\"", 1);
}

/* Whether logfmt may show the value without quotes. */
static bool is_plain(const char *value)
{
    if (!*value)
        return false;
    for (; *value; value++)
        if (*value <= ' ' || *value > '~' || strchr("\"=\\", *value))
            return false;
    return true;
}

static bool put_field(struct log_line *line, size_t limit, const char *key, const char *value,
                      bool is_text)
{
    bool json = config.format == LOG_FORMAT_JSON;
    const char *separator = line->n_bytes == 0 ? (json ? "{" : "") : json ? "," : " ";

    if (!put(line, limit, separator, strlen(separator)))
        return false;
    if (json)
        return put_quoted(line, limit, key) && put(line, limit, ":", 1) &&
               (is_text ? put_quoted(line, limit, value) : put(line, limit, value, strlen(value)));
    return put(line, limit, key, strlen(key)) && put(line, limit, "=", 1) &&
           (is_plain(value) ? put(line, limit, value, strlen(value))
                            : put_quoted(line, limit, value));
}

/* The whole field or nothing of it. */
static void add_field(struct log_line *line, const char *key, const char *value, bool is_text)
{
    size_t before = line->n_bytes;

    if (!line->wanted)
        return;
    if (!put_field(line, sizeof(line->bytes) - RESERVED_BYTES, key, value, is_text)) {
        line->n_bytes = before;
        line->truncated = true;
    }
}

void log_start(struct log_line *line, enum log_level level, const char *message)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct timespec now;
    struct tm utc;
    char stamp[40];

    line->wanted = level >= config.lowest;
    line->truncated = false;
    line->n_bytes = 0;
    if (!line->wanted)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof(stamp) - n, ".%03ldZ", now.tv_nsec / 1000000);
    log_text(line, "ts", stamp);
    log_text(line, "level", names[level]);
    log_text(line, "msg", message);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    if (value)
        add_field(line, key, value, true);
}

void log_integer(struct log_line *line, const char *key, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, value);
    add_field(line, key, text, false);
}

void log_number(struct log_line *line, const char *key, double value, int decimals)
{
    char text[64];

    if (!isfinite(value) || fabs(value) > 1e15) /* JSON has no such numbers */
        return;
    snprintf(text, sizeof(text), "%.*f", decimals, value);
    add_field(line, key, text, false);
}

void log_end(struct log_line *line)
{
    if (!line->wanted)
        return;
    if (line->truncated)
        put_field(line, sizeof(line->bytes), "truncated", "true", false);
    put(line, sizeof(line->bytes), config.format == LOG_FORMAT_JSON ? "}\n" : "\n",
        config.format == LOG_FORMAT_JSON ? 2 : 1);
    /* A log that cannot be written must not stop the daemon. */
    ssize_t ignored = write(STDERR_FILENO, line->bytes, line->n_bytes);
    (void)ignored;
}

void log_error(enum log_level level, const char *message, const char *error)
{
    struct log_line line;

    log_start(&line, level, message);
    log_text(&line, "error", error);
    log_end(&line);
}
