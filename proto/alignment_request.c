#include "proto/alignment_request.h"

#include <stdlib.h>
#include <string.h>

#include "audio/count.h"

static enum api_error_code take_text(struct audio_request *audio, const struct request_field *field,
                                     const char *text, struct api_error *e)
{
    struct alignment_request *req = (struct alignment_request *)(void *)audio;

    req->text = strdup(text);
    if (!req->text)
        return api_fail(e, API_OVERLOADED, NULL, "out of memory for %s", field->name);
    return API_OK;
}

static const struct request_field fields[] = {
    {"text", FIELD_SCALAR, take_text, NULL, ALIGNMENT_MAX_TEXT_BYTES},
};

static void release(struct audio_request *audio)
{
    struct alignment_request *req = (struct alignment_request *)(void *)audio;

    free(req->text);
    req->text = NULL;
}

static enum api_error_code check(const struct audio_request *audio, const struct served *served,
                                 struct api_error *e)
{
    const struct alignment_request *req = (const struct alignment_request *)(const void *)audio;

    (void)served;
    if (!req->text)
        return api_fail(e, API_MISSING_PARAMETER, "text", "you must provide a text parameter");
    return API_OK;
}

static const struct field_table alignment_fields = {fields, COUNT(fields)};

const struct request_kind alignment_requests = {
    .request_bytes = sizeof(struct alignment_request),
    .tables = {&recording_fields, &alignment_fields},
    .release = release,
    .check = check,
};
