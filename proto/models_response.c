#include "proto/models_response.h"

#include "proto/json_writer.h"

/* OpenAI's four fields, then two of our own. */
static void write_model(struct json_writer *w, const struct served_model *model)
{
    json_write_open(w, NULL, '{');
    json_write_text(w, "id", model->id);
    json_write_text(w, "object", "model");
    json_write_integer(w, "created", model->created);
    json_write_text(w, "owned_by", "scribed");
    json_write_text(w, "language", model->language);
    json_write_text(w, "licence", model->licence);
    json_write_close(w, '}');
}

enum asr_status models_render_list(const struct served_model *models, size_t count,
                                   struct buffer *out, struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    json_write_open(&w, NULL, '{');
    json_write_text(&w, "object", "list");
    json_write_open(&w, "data", '[');
    for (size_t i = 0; i < count; i++)
        write_model(&w, &models[i]);
    json_write_close(&w, ']');
    json_write_close(&w, '}');
    return json_write_finish(&w);
}

enum asr_status models_render_one(const struct served_model *model, struct buffer *out,
                                  struct asr_error *err)
{
    struct json_writer w;

    json_write_start(&w, out, err);
    write_model(&w, model);
    return json_write_finish(&w);
}
