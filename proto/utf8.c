#include "proto/utf8.h"

#include <string.h>

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* The rows of RFC 3629, section 4: only the second byte's range depends on the first. */
size_t utf8_length(const char *bytes, size_t n_bytes)
{
    const unsigned char *u = (const unsigned char *)bytes;
    unsigned char low = 0x80, high = 0xBF;
    size_t length = 0;

    if (n_bytes == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (in_range(u[0], 0xC2, 0xDF))
        length = 2;
    else if (in_range(u[0], 0xE0, 0xEF))
        length = 3;
    else if (in_range(u[0], 0xF0, 0xF4))
        length = 4;
    if (length == 0 || length > n_bytes)
        return 0;

    switch (u[0]) {
    case 0xE0: /* shorter forms exist below */
        low = 0xA0;
        break;
    case 0xED: /* surrogates above */
        high = 0x9F;
        break;
    case 0xF0:
        low = 0x90;
        break;
    case 0xF4: /* past U+10FFFF */
        high = 0x8F;
        break;
    default:
        break;
    }
    if (!in_range(u[1], low, high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!in_range(u[i], 0x80, 0xBF))
            return 0;
    return length;
}

bool utf8_valid(const char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        size_t length = utf8_length(bytes, n_bytes);
        if (length == 0)
            return false;
        bytes += length;
        n_bytes -= length;
    }
    return true;
}

struct utf8_quote utf8_quote(const char *bytes, size_t n_bytes)
{
    enum { MAX_QUOTED = 48 };
    struct utf8_quote quote = {{0}};
    char *to = quote.text; /* each byte becomes 3 at most: 3 * 48 + 4 <= sizeof(text) */
    size_t at = 0;

    while (at < n_bytes && at < MAX_QUOTED) {
        size_t length = utf8_length(bytes + at, n_bytes - at);
        unsigned char first = (unsigned char)bytes[at];
        if (length > MAX_QUOTED - at)
            break;
        bool plain = length > 0 && first >= 0x20 && first != 0x7F;
        size_t n = plain ? length : 3;
        memcpy(to, plain ? bytes + at : UTF8_REPLACEMENT, n);
        to += n;
        at += plain ? length : 1;
    }
    if (at < n_bytes)
        memcpy(to, "...", 4);
    return quote;
}
