#include "model/arpa_number.h"

#include <math.h>
#include <strings.h>

struct cursor {
    const char *at, *end;
};

static bool next_digit(struct cursor *c, unsigned *digit)
{
    if (c->at == c->end || *c->at < '0' || *c->at > '9')
        return false;
    *digit = (unsigned)(*c->at++ - '0');
    return true;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* Digits with at most one point: value = *mantissa x 10^*exponent. Digits past the 18th cannot
 * change a float and only move the exponent. False without any digit. */
static bool parse_mantissa(struct cursor *c, uint64_t *mantissa, int *exponent)
{
    bool any = false, point = false;
    unsigned digit;

    *mantissa = 0;
    *exponent = 0;
    for (;;) {
        if (!point && take(c, '.'))
            point = true;
        if (!next_digit(c, &digit))
            return any;
        any = true;
        if (*mantissa < 100000000000000000U) {
            *mantissa = *mantissa * 10 + digit;
            *exponent -= point;
        } else {
            *exponent += !point;
        }
    }
}

static bool parse_exponent(struct cursor *c, int *exponent)
{
    bool negative = false, any = false;
    unsigned digit;
    int power = 0;

    if (!take(c, 'e') && !take(c, 'E'))
        return true;
    if (take(c, '-'))
        negative = true;
    else
        take(c, '+');
    for (; next_digit(c, &digit); any = true)
        power = power > 10000 ? power : power * 10 + (int)digit;
    *exponent += negative ? -power : power;
    return any;
}

static bool is_infinity(const struct cursor *c)
{
    size_t n_bytes = (size_t)(c->end - c->at);
    return (n_bytes == 3 && strncasecmp(c->at, "inf", 3) == 0) ||
           (n_bytes == 8 && strncasecmp(c->at, "infinity", 8) == 0);
}

bool arpa_parse_log10(const char *text, size_t n_bytes, double *value)
{
    struct cursor c = {text, text + n_bytes};
    bool negative = take(&c, '-');
    uint64_t mantissa;
    int exponent;

    if (!negative)
        take(&c, '+');
    else if (is_infinity(&c)) {
        *value = -INFINITY;
        return true;
    }
    if (!parse_mantissa(&c, &mantissa, &exponent) || !parse_exponent(&c, &exponent) ||
        c.at != c.end)
        return false;
    /* Dividing by an exact power of ten rounds once, multiplying by its inverse twice. */
    double magnitude =
        exponent < 0 ? (double)mantissa / pow(10, -exponent) : (double)mantissa * pow(10, exponent);
    if (mantissa == 0)
        magnitude = 0;
    *value = negative ? -magnitude : magnitude;
    return true;
}

bool arpa_parse_count(const char *text, size_t n_bytes, uint64_t *value)
{
    struct cursor c = {text, text + n_bytes};
    unsigned digit;

    if (n_bytes == 0)
        return false;
    *value = 0;
    while (next_digit(&c, &digit)) {
        if (*value > (UINT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    return c.at == c.end;
}
