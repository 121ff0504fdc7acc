/* safetensors.c - see safetensors.h for the contract and model/FORMAT.md for the rules.
 *
 * The header is JSON with a byte range for every tensor. All of it is checked on opening, so that
 * loading a tensor is a shape comparison and a conversion. The parsed header is kept: a tensor's
 * name and shape stay where Jansson put them, of any length and rank, and are borrowed from there.
 *
 * Numbers are assembled byte by byte: nothing in the format promises alignment, and the compiler
 * turns that into a plain load where the machine allows. */
#include "model/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/mapped_file.h"

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000, TENSOR_ALIGNMENT_BYTES = 64 };

struct dtype {
    const char *name;
    unsigned bits;
    float (*to_float)(const unsigned char *bytes); /* NULL: not loaded as weights */
};

struct tensor {
    const char *name;
    const json_t *shape;
    const struct dtype *dtype;
    uint64_t begin, end; /* from the first data byte */
};

struct safetensors {
    char *name;              /* of the file, for messages */
    struct mapped_file file; /* closed when the bytes are the caller's */
    const unsigned char *data;
    uint64_t data_bytes;
    json_t *header;
    struct tensor *tensors; /* by name */
    size_t n_tensors;
};

static float float_from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float from_f32(const unsigned char *b)
{
    return float_from_bits((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                           (uint32_t)b[3] << 24);
}

/* bfloat16 is the upper half of a float32. */
static float from_bf16(const unsigned char *b)
{
    return float_from_bits((uint32_t)b[0] << 16 | (uint32_t)b[1] << 24);
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Exact: every value,
 * subnormals included, is a normal float32. */
static float from_f16(const unsigned char *b)
{
    uint32_t half = (uint32_t)b[0] | (uint32_t)b[1] << 8;
    uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;

    if (exponent == 0) {
        float f = (float)fraction * 0x1p-24F;
        return sign ? -f : f;
    }
    if (exponent == 0x1f)
        return float_from_bits(sign | 0x7f800000 | fraction << 13);
    return float_from_bits(sign | (exponent - 15 + 127) << 23 | fraction << 13);
}

static const struct dtype dtypes[] = {
    {"F32", 32, from_f32}, {"F16", 16, from_f16}, {"BF16", 16, from_bf16}, {"BOOL", 8, NULL},
    {"U8", 8, NULL},       {"I8", 8, NULL},       {"F8_E5M2", 8, NULL},    {"F8_E4M3", 8, NULL},
    {"F8_E8M0", 8, NULL},  {"F6_E2M3", 6, NULL},  {"F6_E3M2", 6, NULL},    {"F4", 4, NULL},
    {"U16", 16, NULL},     {"I16", 16, NULL},     {"U32", 32, NULL},       {"I32", 32, NULL},
    {"U64", 64, NULL},     {"I64", 64, NULL},     {"F64", 64, NULL},       {"C64", 64, NULL},
};

static const struct dtype *dtype_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(dtypes); i++)
        if (strcmp(name, dtypes[i].name) == 0)
            return &dtypes[i];
    return NULL;
}

static enum asr_status bad_tensor(const struct safetensors *s, const struct tensor *t,
                                  const char *what, struct asr_error *err)
{
    return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s': %s", s->name, t->name, what);
}

/* A JSON integer that is not negative. Fractions are refused even when they are whole. */
static bool read_size(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static enum asr_status read_offsets(const struct safetensors *s, struct tensor *t,
                                    const json_t *entry, struct asr_error *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");

    if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &t->begin) ||
        !read_size(json_array_get(offsets, 1), &t->end))
        return bad_tensor(s, t, "data_offsets is not two integers from 0 upwards", err);
    if (t->end < t->begin)
        return bad_tensor(s, t, "data_offsets end before they begin", err);
    if (t->end > s->data_bytes)
        return bad_tensor(s, t, "data_offsets reach past the end of the file", err);
    return ASR_OK;
}

static enum asr_status check_bytes(const struct safetensors *s, const struct tensor *t,
                                   struct asr_error *err)
{
    uint64_t elements = 1, bits;
    size_t rank = json_array_size(t->shape);

    for (size_t d = 0; d < rank; d++) {
        uint64_t size;
        if (!read_size(json_array_get(t->shape, d), &size))
            return bad_tensor(s, t, "shape is not an array of integers from 0 upwards", err);
        if (__builtin_mul_overflow(elements, size, &elements))
            return bad_tensor(s, t, "the shape's product overflows 64 bits", err);
    }
    if (__builtin_mul_overflow(elements, (uint64_t)t->dtype->bits, &bits))
        return bad_tensor(s, t, "shape x dtype overflows 64 bits", err);
    if (bits % 8 != 0)
        return bad_tensor(s, t, "shape x dtype is not a whole number of bytes", err);
    if (t->end - t->begin != bits / 8)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "%s: tensor '%.80s': shape x dtype is %llu bytes, data_offsets %llu",
                        s->name, t->name, (unsigned long long)bits / 8,
                        (unsigned long long)(t->end - t->begin));
    return ASR_OK;
}

static enum asr_status read_tensor(const struct safetensors *s, struct tensor *t,
                                   const json_t *entry, struct asr_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));

    if (!json_is_object(entry))
        return bad_tensor(s, t, "its entry is not an object", err);
    t->shape = json_object_get(entry, "shape");
    if (!dtype)
        return bad_tensor(s, t, "dtype is not a string", err);
    t->dtype = dtype_by_name(dtype);
    if (!t->dtype)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s': unknown dtype '%.32s'", s->name,
                        t->name, dtype);
    if (!json_is_array(t->shape))
        return bad_tensor(s, t, "shape is not an array of integers from 0 upwards", err);
    enum asr_status st = read_offsets(s, t, entry, err);
    return st == ASR_OK ? check_bytes(s, t, err) : st;
}

static enum asr_status check_metadata(const struct safetensors *s, json_t *metadata,
                                      struct asr_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return asr_fail(err, ASR_ERR_FORMAT, "%s: __metadata__ is not an object", s->name);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return asr_fail(
        err, ASR_ERR_FORMAT, "%s: __metadata__.%.80s is not a string", s->name, key);
    return ASR_OK;
}

static enum asr_status read_tensors(struct safetensors *s, struct asr_error *err)
{
    const char *name;
    json_t *entry;
    size_t entries = json_object_size(s->header);

    s->tensors = calloc(entries ? entries : 1, sizeof(*s->tensors));
    if (!s->tensors)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", s->name);
    json_object_foreach(s->header, name, entry)
    {
        enum asr_status st;
        if (strcmp(name, "__metadata__") == 0) {
            st = check_metadata(s, entry, err);
        } else {
            struct tensor *t = &s->tensors[s->n_tensors++];
            t->name = name;
            st = read_tensor(s, t, entry, err);
        }
        if (st != ASR_OK)
            return st;
    }
    return ASR_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Laid end to end from the first data byte to the last, the tensors account for every byte: none
 * is read twice and nothing is hidden between them. Leaves them sorted by name. */
static enum asr_status check_layout(struct safetensors *s, struct asr_error *err)
{
    uint64_t reached = 0;

    qsort(s->tensors, s->n_tensors, sizeof(*s->tensors), by_place);
    for (size_t i = 0; i < s->n_tensors; i++) {
        const struct tensor *t = &s->tensors[i];
        if (t->begin != reached)
            return asr_fail(err, ASR_ERR_FORMAT,
                            "%s: tensor '%.80s' begins at %llu, %s the one before it (%llu)",
                            s->name, t->name, (unsigned long long)t->begin,
                            t->begin > reached ? "leaving a gap after" : "overlapping",
                            (unsigned long long)reached);
        reached = t->end;
    }
    if (reached != s->data_bytes)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: tensors end at %llu, the file's data at %llu",
                        s->name, (unsigned long long)reached, (unsigned long long)s->data_bytes);
    qsort(s->tensors, s->n_tensors, sizeof(*s->tensors), by_name);
    return ASR_OK;
}

static enum asr_status read_header(struct safetensors *s, const unsigned char *bytes,
                                   size_t n_bytes, struct asr_error *err)
{
    uint64_t length = 0;
    json_error_t why;

    if (n_bytes < LENGTH_BYTES)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: %zu bytes are no safetensors file", s->name,
                        n_bytes);
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > MAX_HEADER_BYTES)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: header of %llu bytes is over the limit of %d",
                        s->name, (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > n_bytes - LENGTH_BYTES)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: header of %llu bytes in a file of %zu", s->name,
                        (unsigned long long)length, n_bytes);
    bytes += LENGTH_BYTES;
    if (length == 0 || bytes[0] != '{')
        return asr_fail(err, ASR_ERR_FORMAT, "%s: header does not begin with '{'", s->name);
    s->data = bytes + length;
    s->data_bytes = n_bytes - LENGTH_BYTES - length;
    s->header = json_loadb((const char *)bytes, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!s->header)
        return asr_fail(
            err, json_error_code(&why) == json_error_out_of_memory ? ASR_ERR_NOMEM : ASR_ERR_FORMAT,
            "%s: header: %s (byte %d)", s->name, why.text, why.position);
    return ASR_OK;
}

enum asr_status safetensors_parse(struct safetensors **out, const void *bytes, size_t n_bytes,
                                  const char *name, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct safetensors *s = calloc(1, sizeof(*s));

    *out = NULL;
    if (s)
        s->name = strdup(name);
    if (!s || !s->name)
        st = asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", name);
    if (st == ASR_OK)
        st = read_header(s, bytes, n_bytes, err);
    if (st == ASR_OK)
        st = read_tensors(s, err);
    if (st == ASR_OK)
        st = check_layout(s, err);
    if (st != ASR_OK) {
        safetensors_close(s);
        return st;
    }
    *out = s;
    return ASR_OK;
}

enum asr_status safetensors_open(struct safetensors **out, const char *path, struct asr_error *err)
{
    struct mapped_file file;
    enum asr_status st = mapped_file_open(&file, path, err);

    *out = NULL;
    if (st == ASR_OK)
        st = safetensors_parse(out, file.bytes, file.n_bytes, path, err);
    if (st != ASR_OK) {
        mapped_file_close(&file);
        return st;
    }
    (*out)->file = file;
    return ASR_OK;
}

void safetensors_close(struct safetensors *st)
{
    if (!st)
        return;
    mapped_file_close(&st->file);
    json_decref(st->header);
    free(st->tensors);
    free(st->name);
    free(st);
}

/* Writes "[1280, 320]" for messages, cut short where `text` ends. */
struct shape_text {
    char text[64];
    size_t used;
};

static void shape_add(struct shape_text *s, size_t d, uint64_t size)
{
    int n = snprintf(s->text + s->used, sizeof(s->text) - s->used, d ? ", %llu" : "%llu",
                     (unsigned long long)size);
    s->used += (size_t)n;
    if (s->used >= sizeof(s->text))
        s->used = sizeof(s->text) - 1;
}

static enum asr_status check_shape(const struct safetensors *s, const struct tensor *t, size_t rank,
                                   const size_t *shape, struct asr_error *err)
{
    struct shape_text want = {"", 0}, have = {"", 0};
    bool same = json_array_size(t->shape) == rank;

    for (size_t d = 0; d < rank; d++)
        shape_add(&want, d, shape[d]);
    for (size_t d = 0; d < json_array_size(t->shape); d++) {
        uint64_t size = (uint64_t)json_integer_value(json_array_get(t->shape, d));
        shape_add(&have, d, size);
        same = same && size == shape[d];
    }
    if (!same)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s' has shape [%s], expected [%s]",
                        s->name, t->name, have.text, want.text);
    return ASR_OK;
}

/* values[t's size] <- the tensor. A weight that is not finite would make every answer NaN. */
static enum asr_status convert(const struct safetensors *s, const struct tensor *t, float *values,
                               struct asr_error *err)
{
    size_t step = t->dtype->bits / 8;
    const unsigned char *bytes = s->data + t->begin;
    size_t count = (size_t)(t->end - t->begin) / step;

    for (size_t i = 0; i < count; i++) {
        values[i] = t->dtype->to_float(bytes + i * step);
        if (!isfinite(values[i]))
            return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s': element %zu is %g", s->name,
                            t->name, i, (double)values[i]);
    }
    return ASR_OK;
}

static enum asr_status find(const struct safetensors *s, const char *name,
                            const struct tensor **out, struct asr_error *err)
{
    const struct tensor key = {.name = name};

    *out = bsearch(&key, s->tensors, s->n_tensors, sizeof(*s->tensors), by_name);
    if (!*out)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s' is missing", s->name, name);
    return ASR_OK;
}

enum asr_status safetensors_shape(const struct safetensors *st, const char *tensor, size_t rank,
                                  size_t *shape, struct asr_error *err)
{
    const struct tensor *t;
    enum asr_status status = find(st, tensor, &t, err);

    if (status != ASR_OK)
        return status;
    if (json_array_size(t->shape) != rank)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: tensor '%.80s' has %zu dimensions, expected %zu",
                        st->name, tensor, json_array_size(t->shape), rank);
    for (size_t d = 0; d < rank; d++)
        shape[d] = (size_t)json_integer_value(json_array_get(t->shape, d));
    return ASR_OK;
}

enum asr_status safetensors_load_f32(const struct safetensors *st, const char *tensor, size_t rank,
                                     const size_t *shape, float **out, struct asr_error *err)
{
    const struct tensor *t;
    enum asr_status status = find(st, tensor, &t, err);

    *out = NULL;
    if (status == ASR_OK)
        status = check_shape(st, t, rank, shape, err);
    if (status != ASR_OK)
        return status;
    if (!t->dtype->to_float)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "%s: tensor '%.80s' is %s; weights are F32, F16 or BF16", st->name, tensor,
                        t->dtype->name);

    /* At most twice the tensor's bytes in the file, so the product cannot overflow where the file
     * could be mapped; rounded up because aligned_alloc() wants whole units. */
    size_t bytes = (size_t)(t->end - t->begin) / (t->dtype->bits / 8) * sizeof(float);
    float *values = aligned_alloc(TENSOR_ALIGNMENT_BYTES,
                                  (bytes / TENSOR_ALIGNMENT_BYTES + 1) * TENSOR_ALIGNMENT_BYTES);
    if (!values)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: tensor '%.80s': out of memory", st->name, tensor);
    status = convert(st, t, values, err);
    if (status != ASR_OK) {
        free(values);
        return status;
    }
    *out = values;
    return ASR_OK;
}
