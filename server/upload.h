/* upload.h - a request's body as it arrives: its fields, and the recording in one piece.
 *
 * Two forms: multipart/form-data as OpenAI has it, and a raw body (audio/..., or no type at all)
 * whose fields come from the URL's query. The recording is held once; workers read it in place.
 *
 * Some kinds of request have no recording: their fields come as a form, as a JSON object, or in
 * the query. */
#ifndef SERVER_UPLOAD_H
#define SERVER_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/api_error.h"
#include "proto/audio_request.h"
#include "proto/buffer.h"

struct upload;

/* `content_type` may be NULL. API_UNSUPPORTED_MEDIA_TYPE for what is neither form. On failure
 * *out is NULL. */
enum api_error_code upload_new(struct upload **out, const struct request_kind *requests,
                               const char *content_type, size_t max_bytes, struct api_error *e);
void upload_free(struct upload *upload); /* NULL is fine */

bool upload_is_raw(const struct upload *upload);

/* A field from the query, for raw bodies; value[n_bytes] is 0. */
enum api_error_code upload_field(struct upload *upload, const char *name, const char *value,
                                 size_t n_bytes, struct api_error *e);

/* The next piece of the body. After a failure, no more. */
enum api_error_code upload_push(struct upload *upload, const char *bytes, size_t n_bytes,
                                struct api_error *e);

/* API_INVALID_REQUEST when the multipart body was cut short, or the JSON is none. */
enum api_error_code upload_finish(struct upload *upload, struct api_error *e);

/* Of the kind that upload_new() was told. */
const struct audio_request *upload_request(const struct upload *upload);
bool upload_has_file(const struct upload *upload);
const struct buffer *upload_audio(const struct upload *upload);

#endif
