/* phrase_list.h - the phrases that a request expects to hear, as its fields name them.
 *
 * Owned by whoever declared it: phrase_list_free(). All zero is an empty list. */
#ifndef PROTO_PHRASE_LIST_H
#define PROTO_PHRASE_LIST_H

#include <stddef.h>

#include "model/phrases.h"
#include "proto/api_error.h"

/* Of phrases that come without one, natural log. tests/bench/phrases.py, read speech, weights 0, 2,
 * 4, 6, 8: of 208 rare words given as phrases 93, 112, 128, 135, 145 are recognised; where they
 * were not said, 3, 4, 8, 18, 41 are. */
#define PHRASE_DEFAULT_WEIGHT 4.0

struct phrase_list {
    struct phrase *phrases; /* texts are the list's own; NULL while it is empty */
    size_t n_phrases;
    size_t n_text_bytes; /* private */
};

void phrase_list_free(struct phrase_list *list);

/* One phrase, UTF-8 without NUL, which is copied. `field` is what errors call the place that it
 * comes from. API_INVALID_VALUE past PHRASE_MAX_BYTES, PHRASES_MAX or PHRASE_MAX_WEIGHT,
 * API_OVERLOADED without memory. */
enum api_error_code phrase_list_add(struct phrase_list *list, const char *field, const char *text,
                                    size_t n_bytes, double weight, struct api_error *e);

/* A JSON array of texts and of {"phrase": text, "weight": number} objects, which may be mixed. */
enum api_error_code phrase_list_add_json(struct phrase_list *list, const char *field,
                                         const char *json, size_t n_bytes, struct api_error *e);

#endif
