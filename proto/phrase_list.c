#include "proto/phrase_list.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

/* One block of the greatest size holds the phrases and, behind them, their texts: nothing moves
 * when the list grows, and the system gives no memory to pages that are never written. */
enum { MAX_TEXT_BYTES = PHRASES_MAX * (PHRASE_MAX_BYTES + 1) };

void phrase_list_free(struct phrase_list *list)
{
    free(list->phrases);
    *list = (struct phrase_list){0};
}

enum api_error_code phrase_list_add(struct phrase_list *list, const char *field, const char *text,
                                    size_t n_bytes, double weight, struct api_error *e)
{
    if (n_bytes > PHRASE_MAX_BYTES)
        return api_fail(e, API_INVALID_VALUE, field,
                        "%s: the phrase '%s' is %zu bytes long, more than %d", field,
                        utf8_quote(text, n_bytes).text, n_bytes, PHRASE_MAX_BYTES);
    if (!(weight > 0 && weight <= PHRASE_MAX_WEIGHT))
        return api_fail(e, API_INVALID_VALUE, field,
                        "%s: the weight %g of '%s' is not above 0 and at most %g", field, weight,
                        utf8_quote(text, n_bytes).text, PHRASE_MAX_WEIGHT);
    if (list->n_phrases == PHRASES_MAX)
        return api_fail(e, API_INVALID_VALUE, field, "%s: more than %d phrases in one request",
                        field, PHRASES_MAX);
    if (!list->phrases) {
        list->phrases = malloc(PHRASES_MAX * sizeof(*list->phrases) + MAX_TEXT_BYTES);
        if (!list->phrases)
            return api_fail(e, API_OVERLOADED, NULL, "out of memory for phrases");
    }
    char *copy = (char *)(list->phrases + PHRASES_MAX) + list->n_text_bytes;
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = 0;
    list->n_text_bytes += n_bytes + 1;
    list->phrases[list->n_phrases++] = (struct phrase){copy, weight};
    return API_OK;
}

/* One element of the array. */
static enum api_error_code add_element(struct phrase_list *list, const char *field, size_t place,
                                       const json_t *element, struct api_error *e)
{
    const json_t *phrase = element, *weight = NULL;
    size_t n_members = 0;

    if (json_is_object(element)) {
        phrase = json_object_get(element, "phrase");
        weight = json_object_get(element, "weight");
        n_members = json_object_size(element) - (phrase != NULL) - (weight != NULL);
    }
    if (n_members > 0 || !json_is_string(phrase) || (weight && !json_is_number(weight)))
        return api_fail(e, API_INVALID_VALUE, field,
                        "%s: element %zu is neither a text nor an object of a text \"phrase\" and "
                        "a number \"weight\"",
                        field, place);
    return phrase_list_add(list, field, json_string_value(phrase), json_string_length(phrase),
                           weight ? json_number_value(weight) : PHRASE_DEFAULT_WEIGHT, e);
}

enum api_error_code phrase_list_add_json(struct phrase_list *list, const char *field,
                                         const char *json, size_t n_bytes, struct api_error *e)
{
    enum api_error_code code = API_OK;
    json_error_t why;
    json_t *array = json_loadb(json, n_bytes, JSON_REJECT_DUPLICATES, &why);

    if (!array)
        code = api_fail(e, API_INVALID_VALUE, field, "%s is not JSON: %s (at byte %d)", field,
                        utf8_quote(why.text, strlen(why.text)).text, why.position);
    else if (!json_is_array(array))
        code = api_fail(e, API_INVALID_VALUE, field,
                        "%s must be a JSON array, such as [\"Ann Lee\", {\"phrase\": \"Bo\", "
                        "\"weight\": 4}]",
                        field);
    for (size_t i = 0; code == API_OK && i < json_array_size(array); i++)
        code = add_element(list, field, i, json_array_get(array, i), e);
    json_decref(array);
    return code;
}
