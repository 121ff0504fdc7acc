#include "proto/search_request.h"

#include <string.h>

#include "audio/count.h"

static struct search_request *own(struct audio_request *req)
{
    return (struct search_request *)(void *)req;
}

static void init(struct audio_request *req)
{
    own(req)->min_score = SEARCH_MIN_SCORE;
}

static void release(struct audio_request *req)
{
    phrase_list_free(&own(req)->phrases);
}

static enum api_error_code take_phrase(struct audio_request *audio,
                                       const struct request_field *field, const char *text,
                                       struct api_error *e)
{
    return phrase_list_add(&own(audio)->phrases, field->name, text, strlen(text),
                           PHRASE_DEFAULT_WEIGHT, e);
}

static enum api_error_code take_min_score(struct audio_request *audio,
                                          const struct request_field *field, const char *text,
                                          struct api_error *e)
{
    return request_take_number(&own(audio)->min_score, 0, 1, field, text, e);
}

static const struct request_field fields[] = {
    {"phrases[]", FIELD_LIST, take_phrase, NULL, 0},
    {"min_score", FIELD_SCALAR, take_min_score, NULL, 0},
};

static enum api_error_code check(const struct audio_request *audio, const struct served *served,
                                 struct api_error *e)
{
    (void)served;
    if (((const struct search_request *)(const void *)audio)->phrases.n_phrases == 0)
        return api_fail(e, API_MISSING_PARAMETER, "phrases[]",
                        "you must provide a phrases[] parameter, one for each phrase");
    return API_OK;
}

static const struct field_table search_fields = {fields, COUNT(fields)};

const struct request_kind search_requests = {
    .request_bytes = sizeof(struct search_request),
    .tables = {&recording_fields, &search_fields},
    .init = init,
    .release = release,
    .check = check,
};
