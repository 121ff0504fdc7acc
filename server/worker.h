/* worker.h - the scratch of a thread that computes: what server/sched.h passes to work. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "audio/front_end.h"
#include "audio/status.h"
#include "model/model.h"

struct worker {
    struct front_end_work *front_end;
    struct model_work *model;
};

struct worker_config {
    const struct model *model;
    struct decode_options decode;
    unsigned max_channels;
};

/* Warmed: a second of noise has been through it, so that the first request finds the weights in
 * memory and the scratch allocated. */
enum asr_status worker_new(struct worker **out, const struct worker_config *config,
                           struct asr_error *err);
void worker_free(struct worker *worker); /* NULL is fine */

#endif
