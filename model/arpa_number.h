/* arpa_number.h - the decimal numbers of ARPA files, whatever the locale. */
#ifndef MODEL_ARPA_NUMBER_H
#define MODEL_ARPA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "-1.383514", "-99", "0", "-4.2e-05", "-inf" (any case) -> *value. The text need not be
 * 0-terminated. False if it is anything else, hexadecimal, NaN and +inf included. */
bool arpa_parse_log10(const char *text, size_t n_bytes, double *value);

/* Digits only; false on overflow of *value. */
bool arpa_parse_count(const char *text, size_t n_bytes, uint64_t *value);

#endif
