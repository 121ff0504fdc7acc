/* log.h - structured log lines on standard error, as logfmt or JSON.
 *
 *   ts=2026-01-31T12:00:00.123Z level=info msg=request id=4f2c... path=/v1/models status=200
 *
 * A line is built in a struct log_line on the caller's stack and leaves by one write(2), so that
 * lines of several threads never mix. Values are escaped whatever their bytes are: nothing that a
 * client sends can end a line, start a field or reach a terminal as a control sequence. Keys and
 * messages are our own literals.
 *
 * log_setup() is called before other threads start; the rest may be called from any thread. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Until then: logfmt from LOG_LEVEL_INFO on. */
void log_setup(enum log_format format, enum log_level lowest);

/* A field that does not fit is left out, and the line says so with truncated=true. */
struct log_line {
    bool wanted; /* at or above the lowest level */
    bool truncated;
    size_t n_bytes;
    char bytes[4096];
};

void log_start(struct log_line *line, enum log_level level, const char *message);
void log_text(struct log_line *line, const char *key, const char *value); /* NULL: no field */
void log_integer(struct log_line *line, const char *key, int64_t value);
void log_number(struct log_line *line, const char *key, double value, int decimals);
void log_end(struct log_line *line);

/* A line with one field, `error`. */
void log_error(enum log_level level, const char *message, const char *error);

#endif
