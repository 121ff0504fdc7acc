/* hearing.h - a recording's bytes -> posteriors, by the threads that compute.
 *
 * The calling thread only submits work and waits for it. Features come as a stream and are cut into
 * pieces (audio/pieces.h), which go through the network in batches while the next are being made.
 * Of a long recording there are in memory, beside the bytes, HEARING_PIECES pieces that are being
 * made, as many that are being heard, and the posteriors so far. */
#ifndef SERVER_HEARING_H
#define SERVER_HEARING_H

#include <stddef.h>

#include "audio/decode.h"
#include "audio/status.h"
#include "model/model.h"
#include "server/posteriors.h"
#include "server/sched.h"

enum { HEARING_PIECES = 8 };

struct recording {
    const void *bytes; /* borrowed */
    size_t n_bytes;
    struct raw_format raw; /* encoding RAW_NONE: look at the container */
    int channel;           /* 0-based, CHANNEL_MIX or CHANNEL_EACH (audio/front_end.h) */
};

/* What was done for a request so far: calls add to it. */
struct pipeline_times {
    double queue_ms;     /* waiting for threads */
    double features_ms;  /* decoding, resampling, fbank, cutting */
    double recognize_ms; /* network, of a batch its share, and what made something of its output */
    double audio_seconds;
    size_t batch; /* the most utterances that one went through the network with, itself included */
};

struct hearing_config {
    const struct model *model;
    struct sched
        *sched; /* its scratch is a struct worker; its run_batch calls hearing_run_batch() */
    struct decode_limits limits;
    double piece_seconds; /* that recordings are cut into at most */
};

/* *out: [*n_lanes], one for each channel of CHANNEL_EACH, else one: posteriors_free(). All lanes
 * come from one pass over the bytes, and their pieces share batches. */
enum asr_status hearing_run(const struct hearing_config *config, const struct ticket *ticket,
                            const struct recording *recording, struct posteriors **out,
                            size_t *n_lanes, struct pipeline_times *times, struct asr_error *err);
void posteriors_free(struct posteriors *heard, size_t n_lanes); /* NULL is fine */

/* What the sched's run_batch does. */
void hearing_run_batch(const struct model *model, void *scratch, struct work *const *works,
                       size_t count);

#endif
