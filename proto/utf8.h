/* utf8.h - well-formed UTF-8 (RFC 3629), and foreign bytes made fit to be quoted. */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Length, 1 to 4, of the character that starts bytes[n_bytes]; 0 when there is none (overlong
 * forms, surrogates, values past U+10FFFF, a character cut short, nothing left). */
size_t utf8_length(const char *bytes, size_t n_bytes);

bool utf8_valid(const char *bytes, size_t n_bytes);

/* What a client sent, as an error message may quote it: at most 48 bytes of it, "..." behind them
 * when there was more, and U+FFFD for control characters and for what is not UTF-8. */
struct utf8_quote {
    char text[160];
};
struct utf8_quote utf8_quote(const char *bytes, size_t n_bytes);

#endif
