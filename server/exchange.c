#include "server/exchange.h"

#include <string.h>

/* What clients are told to wait when the queue is full: a request takes about this long. */
enum { RETRY_AFTER_SECONDS = 2, MAX_ERROR_BYTES = 16384 };

void answer_error(struct answer *answer, const struct api_error *e)
{
    buffer_free(&answer->body);
    buffer_init(&answer->body, MAX_ERROR_BYTES);
    answer->status = api_error_row(e->code)->http_status;
    answer->content_type = "application/json";
    if (answer->status == 503)
        answer->retry_after_seconds = RETRY_AFTER_SECONDS;
    if (api_error_render(e, &answer->body, NULL) != ASR_OK)
        answer->status = 500;
}

void answer_static(struct answer *answer, unsigned status, const char *content_type,
                   const char *text)
{
    struct api_error e;

    buffer_free(&answer->body);
    buffer_init(&answer->body, MAX_ERROR_BYTES);
    answer->status = status;
    answer->content_type = content_type;
    if (buffer_append(&answer->body, text, strlen(text), NULL) != ASR_OK) {
        api_fail(&e, API_OVERLOADED, NULL, "out of memory");
        answer_error(answer, &e);
    }
}
