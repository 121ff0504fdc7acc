/* language.h - ISO 639-1 codes and their English names. */
#ifndef PROTO_LANGUAGE_H
#define PROTO_LANGUAGE_H

#include <stdbool.h>

/* "en" -> "english": the names that OpenAI's verbose_json uses. `code` itself when there is none.
 */
const char *language_name(const char *code);

/* Whether `asked` means the language `code`: the code itself, its name, or the code with a region
 * behind it ("en-US", "en_US"), in any case. */
bool language_matches(const char *asked, const char *code);

#endif
