/* transcription_response.h - a transcript in each of OpenAI's response formats. */
#ifndef PROTO_TRANSCRIPTION_RESPONSE_H
#define PROTO_TRANSCRIPTION_RESPONSE_H

#include "audio/status.h"
#include "model/transcript.h"
#include "proto/buffer.h"
#include "proto/transcription_request.h"

/* The Content-Type of a format, static text. */
const char *transcription_content_type(enum response_format format);

/* Appends the whole body to *out. `language` is ISO 639-1 (verbose_json spells it out). */
enum asr_status transcription_render(const struct transcript *t,
                                     const struct transcription_request *req, const char *language,
                                     struct buffer *out, struct asr_error *err);

#endif
