/* transcription_response.h - a transcript in each of OpenAI's response formats. */
#ifndef PROTO_TRANSCRIPTION_RESPONSE_H
#define PROTO_TRANSCRIPTION_RESPONSE_H

#include <stdbool.h>

#include "audio/status.h"
#include "model/config.h"
#include "model/conversation.h"
#include "model/phrases.h"
#include "model/transcript.h"
#include "proto/buffer.h"
#include "proto/transcription_request.h"

/* The Content-Type of a format, static text. */
const char *transcription_content_type(enum response_format format);

/* What an answer is made of; all borrowed. */
struct transcription_answer {
    const struct transcript *transcript;
    const struct conversation *conversation; /* instead: of separate channels */
    bool dual_mono; /* all channels are the same; the conversation has the first alone */
    const struct model_config *config; /* of the model that it comes from */
    const struct phrases *phrases;     /* made of the request's; NULL without */
    const char *kept_id;               /* what keep=true was given; NULL: it could not be kept */
    double kept_seconds;
};

/* Appends the whole body to *out, in the format and with the parts that `req` asks for. */
enum asr_status transcription_render(const struct transcription_answer *answer,
                                     const struct transcription_request *req, struct buffer *out,
                                     struct asr_error *err);

#endif
