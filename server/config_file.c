#include "server/config_file.h"

#include <stdio.h>
#include <string.h>

#include "model/mapped_file.h"

enum { MAX_LINE_BYTES = 4096 };

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r", end[-1]))
        *--end = 0;
    return text + strspn(text, " \t");
}

static void cut_comment(char *line)
{
    for (char *at = line; (at = strchr(at, '#')); at++) {
        if (at == line || at[-1] == ' ' || at[-1] == '\t') {
            *at = 0;
            return;
        }
    }
}

static enum asr_status read_line(char *line, const char *path, size_t number, config_found *found,
                                 void *ctx, struct asr_error *err)
{
    char where[300];

    cut_comment(line);
    char *key = trim(line);
    if (!*key)
        return ASR_OK;
    char *equals = strchr(key, '=');
    if (!equals || equals == key)
        return asr_fail(err, ASR_ERR_FORMAT, "%s:%zu: not of the form key = value", path, number);
    *equals = 0;
    key = trim(key);
    snprintf(where, sizeof(where), "%.200s:%zu: %.64s", path, number, key);
    return found(ctx, key, trim(equals + 1), where, err);
}

enum asr_status config_file_read(const char *path, config_found *found, void *ctx,
                                 struct asr_error *err)
{
    struct mapped_file file;
    char line[MAX_LINE_BYTES + 1];
    size_t number = 0;
    enum asr_status st = mapped_file_open(&file, path, err);

    if (st == ASR_OK && file.n_bytes > CONFIG_FILE_MAX_BYTES)
        st = asr_fail(err, ASR_ERR_LIMIT, "%s: %zu bytes, more than %d", path, file.n_bytes,
                      CONFIG_FILE_MAX_BYTES);
    const char *at = file.bytes, *end = at + (st == ASR_OK ? file.n_bytes : 0);
    while (st == ASR_OK && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        number++;
        if (n > MAX_LINE_BYTES || memchr(at, 0, n)) {
            st = asr_fail(err, ASR_ERR_FORMAT, "%s:%zu: not a line of text of up to %d bytes", path,
                          number, MAX_LINE_BYTES);
            break;
        }
        memcpy(line, at, n);
        line[n] = 0;
        st = read_line(line, path, number, found, ctx, err);
        at += n + (newline != NULL);
    }
    mapped_file_close(&file);
    return st;
}
