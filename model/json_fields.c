#include "model/json_fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "audio/count.h"

static const char *kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

/* What stands between the object's path and a key's name. */
static const char *dot(const struct json_fields *f)
{
    return f->path[0] ? "." : "";
}

enum asr_status json_fields_open(struct json_fields *f, const json_t *object, const char *path,
                                 struct asr_error *err)
{
    *f = (struct json_fields){.object = object};
    snprintf(f->path, sizeof(f->path), "%s", path);
    if (!json_is_object(object))
        return asr_fail(err, ASR_ERR_FORMAT, "%s%sexpected an object, got %s", path,
                        path[0] ? ": " : "", kind(object));
    return ASR_OK;
}

/* The value of `key`, which from now on counts as known. */
static enum asr_status find(struct json_fields *f, const char *key, const json_t **out,
                            struct asr_error *err)
{
    assert(f->n_seen < COUNT(f->seen));
    f->seen[f->n_seen++] = key;
    *out = json_object_get(f->object, key);
    if (!*out)
        return asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: missing", f->path, dot(f), key);
    return ASR_OK;
}

/* The same, if it is of that type; `want` says so to the user. */
static enum asr_status find_type(struct json_fields *f, const char *key, json_type type,
                                 const char *want, const json_t **out, struct asr_error *err)
{
    enum asr_status st = find(f, key, out, err);
    if (st == ASR_OK && json_typeof(*out) != type)
        st = asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: expected %s, got %s", f->path, dot(f), key,
                      want, kind(*out));
    return st;
}

enum asr_status json_fields_string(struct json_fields *f, const char *key, const char **out,
                                   struct asr_error *err)
{
    const json_t *value;
    enum asr_status st = find_type(f, key, JSON_STRING, "a string", &value, err);
    if (st == ASR_OK)
        *out = json_string_value(value);
    return st;
}

enum asr_status json_fields_array(struct json_fields *f, const char *key, const json_t **out,
                                  struct asr_error *err)
{
    return find_type(f, key, JSON_ARRAY, "an array", out, err);
}

enum asr_status json_fields_object(struct json_fields *f, const char *key, const json_t **out,
                                   struct asr_error *err)
{
    return find_type(f, key, JSON_OBJECT, "an object", out, err);
}

enum asr_status json_fields_size(struct json_fields *f, const char *key, size_t min, size_t max,
                                 size_t *out, struct asr_error *err)
{
    const json_t *value;
    enum asr_status st = find(f, key, &value, err);
    if (st != ASR_OK)
        return st;
    if (!json_is_integer(value))
        return asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: expected an integer from %zu to %zu, got %s",
                        f->path, dot(f), key, min, max, kind(value));
    json_int_t n = json_integer_value(value);
    if (n < 0 || (unsigned long long)n < min || (unsigned long long)n > max)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "%s%s%s: expected an integer from %zu to %zu, got %lld", f->path, dot(f),
                        key, min, max, (long long)n);
    *out = (size_t)n;
    return ASR_OK;
}

enum asr_status json_fields_number(struct json_fields *f, const char *key, double min, double max,
                                   double *out, struct asr_error *err)
{
    const json_t *value;
    enum asr_status st = find(f, key, &value, err);
    if (st != ASR_OK)
        return st;
    if (!json_is_number(value))
        return asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: expected a number from %g to %g, got %s",
                        f->path, dot(f), key, min, max, kind(value));
    double x = json_number_value(value);
    if (!(x >= min && x <= max))
        return asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: expected a number from %g to %g, got %g",
                        f->path, dot(f), key, min, max, x);
    *out = x;
    return ASR_OK;
}

enum asr_status json_fields_bool(struct json_fields *f, const char *key, bool *out,
                                 struct asr_error *err)
{
    const json_t *value;
    enum asr_status st = find(f, key, &value, err);
    if (st != ASR_OK)
        return st;
    if (!json_is_boolean(value))
        return asr_fail(err, ASR_ERR_FORMAT, "%s%s%s: expected true or false, got %s", f->path,
                        dot(f), key, kind(value));
    *out = json_is_true(value);
    return ASR_OK;
}

bool json_fields_has(const struct json_fields *f, const char *key)
{
    return json_object_get(f->object, key) != NULL;
}

enum asr_status json_fields_done(const struct json_fields *f, struct asr_error *err)
{
    /* Jansson's iterators want a mutable object, although reading one changes nothing. */
    union {
        const json_t *given;
        json_t *iterable;
    } object = {f->object};

    for (void *it = json_object_iter(object.iterable); it;
         it = json_object_iter_next(object.iterable, it)) {
        const char *key = json_object_iter_key(it);
        size_t k = 0;
        while (k < f->n_seen && strcmp(f->seen[k], key) != 0)
            k++;
        if (k == f->n_seen)
            return asr_fail(err, ASR_ERR_FORMAT, "%s%s%.64s: unknown key", f->path, dot(f), key);
    }
    return ASR_OK;
}
