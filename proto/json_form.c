#include "proto/json_form.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

static enum api_error_code take_value(struct audio_request *req, const char *name,
                                      const json_t *value, struct api_error *e)
{
    if (json_is_null(value))
        return API_OK;
    if (json_is_string(value))
        return audio_request_field(req, name, json_string_value(value), json_string_length(value),
                                   e);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text)
        return api_fail(e, API_OVERLOADED, NULL, "out of memory for a request");
    enum api_error_code code = audio_request_field(req, name, text, strlen(text), e);
    free(text);
    return code;
}

static enum api_error_code take_member(struct audio_request *req, const char *name,
                                       const json_t *value, struct api_error *e)
{
    enum api_error_code code = API_OK;

    if (!json_is_array(value) || !audio_request_is_list(req, name))
        return take_value(req, name, value, e);
    for (size_t i = 0; code == API_OK && i < json_array_size(value); i++)
        code = take_value(req, name, json_array_get(value, i), e);
    return code;
}

enum api_error_code json_form_read(struct audio_request *req, const char *json, size_t n_bytes,
                                   struct api_error *e)
{
    enum api_error_code code = API_OK;
    json_error_t why;
    json_t *form = json_loadb(json, n_bytes, JSON_REJECT_DUPLICATES, &why);
    const char *name;
    json_t *value;

    if (!json_is_object(form)) {
        code = api_fail(e, API_INVALID_REQUEST, NULL, "the body is not a JSON object: %s",
                        form ? "it is an array" : utf8_quote(why.text, strlen(why.text)).text);
        json_decref(form);
        return code;
    }
    json_object_foreach(form, name, value)
    {
        code = take_member(req, name, value, e);
        if (code != API_OK)
            break;
    }
    json_decref(form);
    return code;
}
