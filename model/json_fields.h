/* json_fields.h - typed reads from a JSON object of a model's config; errors name the key's path.
 *
 * Every getter fails with ASR_ERR_FORMAT and a text such as
 * "layers[2].hidden: expected an integer from 1 to 65536, got string". Nothing has a default: a
 * missing key is an error. json_fields_done() refuses keys that nobody asked for, so that a
 * misspelt or newer key is never silently ignored. */
#ifndef MODEL_JSON_FIELDS_H
#define MODEL_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"

/* Borrows `object`. `path` names it in messages ("" for the top level, "layers[2]", ...). */
struct json_fields {
    const json_t *object;
    char path[96];
    const char *seen[32]; /* keys read so far */
    size_t n_seen;
};

enum asr_status json_fields_open(struct json_fields *f, const json_t *object, const char *path,
                                 struct asr_error *err);
enum asr_status json_fields_string(struct json_fields *f, const char *key, const char **out,
                                   struct asr_error *err); /* borrowed from the object */
enum asr_status json_fields_size(struct json_fields *f, const char *key, size_t min, size_t max,
                                 size_t *out, struct asr_error *err);
enum asr_status json_fields_number(struct json_fields *f, const char *key, double min, double max,
                                   double *out, struct asr_error *err);
enum asr_status json_fields_bool(struct json_fields *f, const char *key, bool *out,
                                 struct asr_error *err);
enum asr_status json_fields_array(struct json_fields *f, const char *key, const json_t **out,
                                  struct asr_error *err);
enum asr_status json_fields_object(struct json_fields *f, const char *key, const json_t **out,
                                   struct asr_error *err);
bool json_fields_has(const struct json_fields *f, const char *key);
enum asr_status json_fields_done(const struct json_fields *f, struct asr_error *err);

#endif
