/* json_form.h - a JSON object read as the form whose fields its members are. */
#ifndef PROTO_JSON_FORM_H
#define PROTO_JSON_FORM_H

#include "proto/audio_request.h"

/* {"id": "x", "alternatives": 3, "keywords": ["a", "b"]}: texts as they are, the elements of lists
 * one by one, all else as its JSON text; null is as not given. API_INVALID_REQUEST for what is no
 * object. */
enum api_error_code json_form_read(struct audio_request *req, const char *json, size_t n_bytes,
                                   struct api_error *e);

#endif
