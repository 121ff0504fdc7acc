/* audio_request.h - requests that send a recording: what they have in common, and their fields.
 *
 * Fields arrive one by one, from multipart parts or from the query of a raw-body request (raw
 * bodies may also state encoding, sample_rate and channels of headerless audio). The audio
 * itself is not held here.
 *
 * A kind of request is a table of its own fields beside those that all have. Its struct begins with
 * a struct audio_request, by which it is passed around. */
#ifndef PROTO_AUDIO_REQUEST_H
#define PROTO_AUDIO_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/decode.h"
#include "model/phrases.h"
#include "proto/api_error.h"

enum {
    REQUEST_MAX_FIELD_BYTES = 16384,     /* of a field that does not say otherwise */
    REQUEST_MAX_PARTS = PHRASES_MAX + 64 /* a phrase may be a part of its own */
};

struct request_kind;

struct audio_request {
    const struct request_kind *kind;
    char model[128];       /* "" until given */
    char language[32];     /* "" unless given */
    struct raw_format raw; /* encoding RAW_NONE: look at the container */
    int channel;           /* CHANNEL_MIX or 0-based */
    bool bulk;             /* can wait behind those who cannot */
    bool separate;         /* instead: every channel by itself */
    uint32_t fields_seen;  /* private: which have been given */
};

/* Lists are named "x[]"; "x" and "x[0]" mean the same. Objects may come member by member: "x[y]".
 */
enum field_shape { FIELD_SCALAR, FIELD_LIST, FIELD_OBJECT };

struct request_field {
    const char *name; /* as errors call it */
    enum field_shape shape;
    enum api_error_code (*take)(struct audio_request *req, const struct request_field *field,
                                const char *text, struct api_error *e);
    const char *advice; /* for those that are refused: why, and what to do */
    size_t max_bytes;   /* 0: REQUEST_MAX_FIELD_BYTES */
};

/* Rows that go together. Kinds of requests share tables. */
struct field_table {
    const struct request_field *fields;
    size_t n_fields;
};

/* Of every request with a recording: model, language, channel, encoding, sample_rate, channels,
 * priority. */
extern const struct field_table recording_fields;

enum { REQUEST_MAX_TABLES = 3 };

/* What the daemon serves: `aliases` of the model are comma-separated. */
struct served {
    const char *model, *aliases, *language;
    bool greedy; /* the decoder: knows no phrases, one answer, no weights */
    bool keeps;  /* posteriors, for being decoded again */
};

struct request_kind {
    size_t request_bytes;                                 /* of the whole struct */
    bool without_audio;                                   /* no recording */
    bool separates;                                       /* takes channels=separate */
    const struct field_table *tables[REQUEST_MAX_TABLES]; /* those left over are NULL */
    void (*init)(struct audio_request *req);    /* of what is not all zero; NULL: nothing */
    void (*release)(struct audio_request *req); /* NULL: owns no memory */
    enum api_error_code (*check)(const struct audio_request *req, const struct served *served,
                                 struct api_error *e); /* of its own fields; NULL: nothing */
};

void audio_request_init(struct audio_request *req, const struct request_kind *kind);
void audio_request_release(struct audio_request *req);

/* The most bytes that a field may have; REQUEST_MAX_FIELD_BYTES for an unknown one. */
size_t audio_request_max_bytes(const struct audio_request *req, const char *name);

/* Whether a field may be given many times. */
bool audio_request_is_list(const struct audio_request *req, const char *name);

/* One field, `file` excepted; value[n_bytes] is 0. Unknown names are ignored, as OpenAI does; known
 * fields that we cannot honour and that would change the answer are refused by name. */
enum api_error_code audio_request_field(struct audio_request *req, const char *name,
                                        const char *value, size_t n_bytes, struct api_error *e);

/* After the last field: what must be there is there and fits together. `have_file` is false
 * when no audio came. */
enum api_error_code audio_request_finish(const struct audio_request *req, bool have_file,
                                         const struct served *served, struct api_error *e);

/* For the tables: text that fits to[capacity], or the error that says so. */
enum api_error_code request_take_text(char *to, size_t capacity, const struct request_field *field,
                                      const char *text, struct api_error *e);

/* For the tables: the field `priority`. */
enum api_error_code request_take_priority(struct audio_request *req,
                                          const struct request_field *field, const char *text,
                                          struct api_error *e);

/* For the tables: digits that make min to max, or the error that says so. */
enum api_error_code request_take_count(unsigned *to, unsigned min, unsigned max,
                                       const struct request_field *field, const char *text,
                                       struct api_error *e);

/* For the tables: a decimal number from min to max, or the error that says so. */
enum api_error_code request_take_number(double *to, double min, double max,
                                        const struct request_field *field, const char *text,
                                        struct api_error *e);

#endif
