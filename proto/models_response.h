/* models_response.h - GET /v1/models and GET /v1/models/{id}. */
#ifndef PROTO_MODELS_RESPONSE_H
#define PROTO_MODELS_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "proto/buffer.h"

struct served_model {
    const char *id;
    const char *language;
    const char *licence;
    int64_t created; /* Unix seconds */
};

enum asr_status models_render_list(const struct served_model *models, size_t count,
                                   struct buffer *out, struct asr_error *err);
enum asr_status models_render_one(const struct served_model *model, struct buffer *out,
                                  struct asr_error *err);

#endif
