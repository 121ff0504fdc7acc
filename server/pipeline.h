/* pipeline.h - a recording's bytes -> transcript, or posteriors for those who want none: what
 * `serve` and `transcribe` have in common.
 *
 * struct pipeline (model, limits) never changes and is shared by all threads; struct
 * pipeline_worker is one thread's scratch, and grows to the longest recording it has seen. */
#ifndef SERVER_PIPELINE_H
#define SERVER_PIPELINE_H

#include <stddef.h>

#include "audio/decode.h"
#include "audio/front_end.h"
#include "audio/status.h"
#include "model/labels.h"
#include "model/model.h"
#include "server/options.h"
#include "server/pool.h"
#include "server/posteriors.h"

struct pipeline;
struct pipeline_worker;

struct recording {
    const void *bytes; /* borrowed */
    size_t n_bytes;
    struct raw_format raw; /* encoding RAW_NONE: look at the container */
    int channel;           /* CHANNEL_MIX or 0-based */
};

/* Wall time of the stages; 0 for those not reached. */
struct pipeline_times {
    double features_ms;  /* decoding, resampling, fbank */
    double recognize_ms; /* network and CTC decoder */
    double audio_seconds;
};

/* Loads the model. Borrows nothing. The text names the file and what is wrong in it. */
enum asr_status pipeline_new(struct pipeline **out, const struct options *options,
                             struct asr_error *err);
void pipeline_free(struct pipeline *pipeline); /* NULL is fine */

const struct model *pipeline_model(const struct pipeline *pipeline);
const struct speller *pipeline_speller(const struct pipeline *pipeline);

/* Warmed: a second of noise has been through it, so that the first request finds the weights in
 * memory and the scratch allocated. */
enum asr_status pipeline_worker_new(struct pipeline_worker **out, const struct pipeline *pipeline,
                                    struct asr_error *err);
void pipeline_worker_free(struct pipeline_worker *worker); /* NULL is fine */

/* For a pool whose scratch is a struct pipeline_worker. */
struct pool_scratch pipeline_scratch(struct pipeline *pipeline);

/* *out: transcript_free(). Errors that the recording is to blame for have the codes of
 * decoder_open(). */
enum asr_status pipeline_run(const struct pipeline *pipeline, struct pipeline_worker *worker,
                             const struct recording *recording,
                             const struct transcribe_options *options, struct transcript **out,
                             struct pipeline_times *times, struct asr_error *err);

/* The first half of a run: pipeline_posteriors() has what came of it. */
enum asr_status pipeline_listen(const struct pipeline *pipeline, struct pipeline_worker *worker,
                                const struct recording *recording, struct pipeline_times *times,
                                struct asr_error *err);

/* What the last run saw: good until the worker's next. */
struct posteriors pipeline_posteriors(const struct pipeline_worker *worker);

/* The second half of a run again. */
enum asr_status pipeline_decode(const struct pipeline *pipeline, struct pipeline_worker *worker,
                                const struct posteriors *posteriors,
                                const struct transcribe_options *options, struct transcript **out,
                                struct pipeline_times *times, struct asr_error *err);

#endif
