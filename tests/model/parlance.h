/* parlance.h - the published cases of parlance/ctcdecode (tests/data/parlance). */
#ifndef TESTS_MODEL_PARLANCE_H
#define TESTS_MODEL_PARLANCE_H

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/hypothesis.h"

struct parlance {
    json_t *document;
    float *log_posteriors; /* [frames, n_tokens] */
    size_t frames, n_tokens, blank;
};

static inline struct parlance parlance_read(const char *sequence)
{
    struct parlance p = {.document = json_load_file("tests/data/parlance/cases.json", 0, NULL)};
    ck_assert_ptr_nonnull(p.document);
    const json_t *rows = json_object_get(p.document, sequence);
    p.frames = json_array_size(rows);
    p.n_tokens = json_array_size(json_object_get(p.document, "labels"));
    p.blank = (size_t)json_integer_value(json_object_get(p.document, "blank_index"));
    p.log_posteriors = malloc(p.frames * p.n_tokens * sizeof(float));
    ck_assert_ptr_nonnull(p.log_posteriors);
    for (size_t t = 0; t < p.frames; t++)
        for (size_t k = 0; k < p.n_tokens; k++)
            p.log_posteriors[t * p.n_tokens + k] =
                (float)log(json_real_value(json_array_get(json_array_get(rows, t), k)));
    return p;
}

static inline void parlance_free(struct parlance *p)
{
    json_decref(p->document);
    free(p->log_posteriors);
}

static inline const char *parlance_published(const struct parlance *p, const char *key)
{
    const json_t *published = json_object_get(p->document, "published");
    const char *text = json_string_value(json_object_get(published, key));
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline void parlance_text(const struct parlance *p, const struct hypothesis *h, char *text,
                                 size_t text_bytes)
{
    const json_t *labels = json_object_get(p->document, "labels");
    ck_assert_uint_lt(h->n_tokens, text_bytes);
    for (size_t i = 0; i < h->n_tokens; i++)
        text[i] = json_string_value(json_array_get(labels, h->tokens[i].token))[0];
    text[h->n_tokens] = '\0';
}

#endif
