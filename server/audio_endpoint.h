/* audio_endpoint.h - what all routes that compute do alike: refusing early, reading the form,
 * checking the fields, answering from another thread. */
#ifndef SERVER_AUDIO_ENDPOINT_H
#define SERVER_AUDIO_ENDPOINT_H

#include <stddef.h>

#include "proto/audio_request.h"
#include "server/exchange.h"
#include "server/pipeline.h"

struct audio_endpoint {
    const struct request_kind *requests;
    /* On a thread of the pool: answers. `request` is of that kind, its checks passed. */
    void (*run)(struct exchange *x, const struct audio_request *request);
};

/* For rows of the route table that have an endpoint. */
void audio_endpoint_begin(struct exchange *x);
void audio_endpoint_body(struct exchange *x, const char *bytes, size_t n_bytes);
void audio_endpoint_end(struct exchange *x);

/* ---- for run() ---- */

/* Of an answer: a day of words with times is some 40 MB. */
#define MAX_ANSWER_BYTES ((size_t)64 << 20)

struct recording audio_endpoint_recording(const struct exchange *x);

/* What came of rendering into x->answer.body: the answer, or the error instead. */
void audio_endpoint_answer(struct exchange *x, const char *content_type, enum asr_status rendered,
                           const struct asr_error *err);

/* The error that a recording is to blame for. */
void audio_endpoint_refuse(struct exchange *x, const struct asr_error *err);

#endif
