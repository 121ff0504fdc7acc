#include "model/letter_case.h"

#include <stddef.h>

#include "audio/count.h"

/* Capitals first, first + step, ... last, each `distance` before its small letter. From Unicode's
 * CaseFolding.txt, status C. */
static const struct {
    uint32_t first, last, step, distance;
} alphabets[] = {
    {'A', 'Z', 1, 32},      {0xC0, 0xD6, 1, 32}, /* Latin-1, but for the signs of multiplication and
                                                    division */
    {0xD8, 0xDE, 1, 32},    {0x100, 0x12E, 2, 1}, /* Latin Extended-A, but for the Turkish i */
    {0x132, 0x136, 2, 1},   {0x139, 0x147, 2, 1},   {0x14A, 0x176, 2, 1},
    {0x179, 0x17D, 2, 1},   {0x218, 0x21A, 2, 1},   /* Romanian */
    {0x391, 0x3A1, 1, 32},                          /* Greek; 0x3A2 is no letter */
    {0x3A3, 0x3AB, 1, 32},  {0x400, 0x40F, 1, 80},  /* Cyrillic */
    {0x410, 0x42F, 1, 32},  {0x490, 0x490, 1, 1},   /* Ukrainian */
    {0x1E00, 0x1E94, 2, 1}, {0x1EA0, 0x1EFE, 2, 1}, /* Vietnamese */
};

uint32_t other_case(uint32_t character)
{
    for (size_t i = 0; i < COUNT(alphabets); i++) {
        uint32_t first = alphabets[i].first, last = alphabets[i].last;
        uint32_t distance = alphabets[i].distance, step = alphabets[i].step;
        if (character >= first && character <= last && (character - first) % step == 0)
            return character + distance;
        if (character >= first + distance && character <= last + distance &&
            (character - first - distance) % step == 0)
            return character - distance;
    }
    return character;
}
