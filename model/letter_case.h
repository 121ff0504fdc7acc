/* letter_case.h - the other case of a letter, the same in every locale. */
#ifndef MODEL_LETTER_CASE_H
#define MODEL_LETTER_CASE_H

#include <stdint.h>

/* Of Latin, Greek and Cyrillic letters whose two cases are one code point each; other characters
 * are given back as they are. */
uint32_t other_case(uint32_t character);

#endif
