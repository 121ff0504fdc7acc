#include "proto/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/utf8.h"

void json_write_start(struct json_writer *w, struct buffer *out, struct asr_error *err)
{
    *w = (struct json_writer){.out = out, .err = err, .start_bytes = out->n_bytes};
}

static void put(struct json_writer *w, const char *bytes, size_t n_bytes)
{
    if (w->status == ASR_OK)
        w->status = buffer_append(w->out, bytes, n_bytes, w->err);
}

static void put_key(struct json_writer *w, const char *key)
{
    if (w->comma)
        put(w, ",", 1);
    w->comma = true;
    if (key) {
        put(w, "\"", 1);
        put(w, key, strlen(key));
        put(w, "\":", 2);
    }
}

void json_write_open(struct json_writer *w, const char *key, char bracket)
{
    put_key(w, key);
    put(w, &bracket, 1);
    w->comma = false;
}

void json_write_close(struct json_writer *w, char bracket)
{
    put(w, &bracket, 1);
    w->comma = true;
}

/* One character that cannot stand in a JSON string as it is (RFC 8259, section 7). */
static void put_escaped(struct json_writer *w, unsigned char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* character, escape letter */
    char escaped[8];

    for (const char *pair = letters; *pair; pair += 2) {
        if (c == (unsigned char)pair[0]) {
            escaped[0] = '\\';
            escaped[1] = pair[1];
            put(w, escaped, 2);
            return;
        }
    }
    put(w, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", c));
}

void json_write_text(struct json_writer *w, const char *key, const char *text)
{
    if (text) {
        json_write_bytes(w, key, text, strlen(text));
        return;
    }
    put_key(w, key);
    put(w, "null", 4);
}

void json_write_bytes(struct json_writer *w, const char *key, const char *text, size_t n_bytes)
{
    const char *end = text + n_bytes, *plain = text; /* [plain, text) is yet to be written */

    put_key(w, key);
    put(w, "\"", 1);
    while (text < end) {
        size_t length = utf8_length(text, (size_t)(end - text));
        unsigned char c = (unsigned char)*text;
        if (length > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) {
            text += length;
            continue;
        }
        put(w, plain, (size_t)(text - plain));
        if (length == 0)
            put(w, UTF8_REPLACEMENT, 3);
        else
            put_escaped(w, c);
        plain = ++text;
    }
    put(w, plain, (size_t)(text - plain));
    put(w, "\"", 1);
}

void json_write_boolean(struct json_writer *w, const char *key, bool value)
{
    put_key(w, key);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_write_integer(struct json_writer *w, const char *key, int64_t value)
{
    char text[24];
    put_key(w, key);
    put(w, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
}

/* By integers, and so with a point for a comma in every locale. */
void json_write_number(struct json_writer *w, const char *key, double value, unsigned decimals)
{
    char text[40];
    int64_t scale = 1;

    assert(decimals <= 9);
    put_key(w, key);
    if (!(fabs(value) <= 1e9)) { /* NaN too */
        put(w, "null", 4);
        return;
    }
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    int64_t scaled = llround(value * (double)scale);
    int64_t magnitude = scaled < 0 ? -scaled : scaled;
    int n = snprintf(text, sizeof(text), "%s%" PRId64 ".%0*" PRId64, scaled < 0 ? "-" : "",
                     magnitude / scale, (int)decimals, magnitude % scale);
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    put(w, text, (size_t)n);
}

enum asr_status json_write_finish(struct json_writer *w)
{
    if (w->status != ASR_OK && w->out->bytes) {
        w->out->n_bytes = w->start_bytes;
        w->out->bytes[w->start_bytes] = 0;
    }
    return w->status;
}
