#include "server/models.h"

#include <stdbool.h>
#include <string.h>

#include "proto/utf8.h"
#include "server/exchange.h"
#include "server/service.h"

enum { MAX_LIST_BYTES = 1 << 20 };

/* The names come from the model's own config, hence are not known while it loads. */
static bool is_loaded(struct exchange *x)
{
    struct api_error e;

    if (service_state(x->service) == SERVICE_READY)
        return true;
    api_fail(&e, API_NOT_READY, NULL, "the model is not loaded");
    answer_error(&x->answer, &e);
    return false;
}

static void answer_rendered(struct exchange *x, enum asr_status st, const struct asr_error *err)
{
    struct api_error e;

    if (st == ASR_OK) {
        x->answer.status = 200;
        x->answer.content_type = "application/json";
        return;
    }
    api_error_of_audio(&e, err);
    answer_error(&x->answer, &e);
}

void models_list(struct exchange *x)
{
    struct asr_error err;

    if (!is_loaded(x))
        return;
    buffer_init(&x->answer.body, MAX_LIST_BYTES);
    answer_rendered(
        x, models_render_list(x->service->names, x->service->n_names, &x->answer.body, &err), &err);
}

void models_one(struct exchange *x)
{
    const char *id = x->path + strlen("/v1/models/");
    struct asr_error err;
    struct api_error e;

    if (!is_loaded(x))
        return;
    for (size_t i = 0; i < x->service->n_names; i++) {
        const struct served_model *model = &x->service->names[i];
        if (strcmp(model->id, id) != 0)
            continue;
        buffer_init(&x->answer.body, MAX_LIST_BYTES);
        answer_rendered(x, models_render_one(model, &x->answer.body, &err), &err);
        return;
    }
    api_fail(&e, API_MODEL_NOT_FOUND, "model", "The model '%s' does not exist",
             utf8_quote(id, strlen(id)).text);
    answer_error(&x->answer, &e);
}
