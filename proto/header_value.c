#include "proto/header_value.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "proto/utf8.h"

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t");
}

static void lower_ascii(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

char *header_value_start(char **cursor)
{
    char *start = skip_blanks(*cursor);
    char *end = start + strcspn(start, ";");

    *cursor = *end ? end + 1 : end;
    *end = 0;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    return start;
}

/* `at` is behind the opening quote. Returns the place behind the closing one, NULL without one. */
static char *unquote(char *at)
{
    char *to = at;

    for (; *at && *at != '"'; at++) {
        if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *to++ = *at;
    }
    if (!*at)
        return NULL;
    *to = 0;
    return at + 1;
}

enum header_param header_value_next(char **cursor, char **name, char **value)
{
    char *at = *cursor + strspn(*cursor, " \t;"); /* an empty parameter is no harm */
    if (!*at)
        return HEADER_PARAMS_END;

    *name = at;
    at += strcspn(at, "= \t;\"");
    if (*at != '=' || at == *name)
        return HEADER_PARAM_BROKEN;
    *at++ = 0;
    lower_ascii(*name);

    char *end;
    if (*at == '"') {
        *value = ++at;
        end = unquote(at);
        if (!end)
            return HEADER_PARAM_BROKEN;
    } else {
        *value = at;
        end = at + strcspn(at, "; \t");
    }
    char *next = skip_blanks(end);
    if (*next && *next != ';')
        return HEADER_PARAM_BROKEN;
    *cursor = *next ? next + 1 : next;
    if (*end) /* a blank or the semicolon; unquote() has already ended its value */
        *end = 0;
    return HEADER_PARAM;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *header_value_decode_extended(char *value)
{
    if (strncasecmp(value, "utf-8'", 6) != 0)
        return NULL;
    char *at = strchr(value + 6, '\'');
    if (!at)
        return NULL;

    char *text = ++at, *to = at;
    for (; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        int high = hex_digit(at[1]);
        int low = high < 0 ? -1 : hex_digit(at[2]);
        if (low < 0 || high * 16 + low == 0)
            return NULL;
        *to++ = (char)(high * 16 + low);
        at += 2;
    }
    *to = 0;
    return utf8_valid(text, (size_t)(to - text)) ? text : NULL;
}
