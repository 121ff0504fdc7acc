/* pipeline.h - a recording's bytes -> transcript, or posteriors for those who want none: what
 * `serve` and `transcribe` have in common.
 *
 * struct pipeline is the model, the limits and the threads that compute (server/sched.h), shared by
 * the threads of all requests. Their calls block while the work they stand for waits and runs. Each
 * takes the request's ticket; ASR_ERR_DROPPED when that was cancelled or its time was over. */
#ifndef SERVER_PIPELINE_H
#define SERVER_PIPELINE_H

#include <stddef.h>

#include "audio/status.h"
#include "model/labels.h"
#include "model/model.h"
#include "server/hearing.h"
#include "server/options.h"
#include "server/posteriors.h"
#include "server/sched.h"

struct pipeline;

/* Loads the model and starts the threads, each warmed: a second of noise has been through it, so
 * that the first request finds the weights in memory and the scratch allocated. Borrows nothing.
 * The text names the file and what is wrong in it. */
enum asr_status pipeline_new(struct pipeline **out, const struct options *options,
                             struct asr_error *err);

/* When no call is under way. NULL is fine. */
void pipeline_free(struct pipeline *pipeline);

const struct model *pipeline_model(const struct pipeline *pipeline);
const struct speller *pipeline_speller(const struct pipeline *pipeline);

/* *out: transcript_free(). Errors that the recording is to blame for have the codes of
 * decoder_open(). */
enum asr_status pipeline_run(const struct pipeline *pipeline, const struct ticket *ticket,
                             const struct recording *recording,
                             const struct transcribe_options *options, struct transcript **out,
                             struct pipeline_times *times, struct asr_error *err);

/* The first half of a run. *out: free(out->log_posteriors). */
enum asr_status pipeline_listen(const struct pipeline *pipeline, const struct ticket *ticket,
                                const struct recording *recording, struct posteriors *out,
                                struct pipeline_times *times, struct asr_error *err);

/* Of every channel by itself, whatever recording->channel says: *out has *n_channels of them, for
 * posteriors_free(). */
enum asr_status pipeline_listen_each(const struct pipeline *pipeline, const struct ticket *ticket,
                                     const struct recording *recording, struct posteriors **out,
                                     size_t *n_channels, struct pipeline_times *times,
                                     struct asr_error *err);

/* The second half. */
enum asr_status pipeline_decode(const struct pipeline *pipeline, const struct ticket *ticket,
                                const struct posteriors *posteriors,
                                const struct transcribe_options *options, struct transcript **out,
                                struct pipeline_times *times, struct asr_error *err);

/* Something else than decoding to be made of posteriors: work->run(), on a thread that computes.
 * Its scratch argument is not for others. */
enum asr_status pipeline_compute(const struct pipeline *pipeline, const struct ticket *ticket,
                                 struct work *work, struct pipeline_times *times,
                                 struct asr_error *err);

/* What has not begun of the ticket's work never will. Any thread. */
void pipeline_cancel(const struct pipeline *pipeline, struct ticket *ticket);

#endif
