/* service.h - what requests are served from: the model, the threads, and whether they are there.
 *
 * The HTTP socket opens before the model is loaded, so that probes can see "loading model". The
 * pipeline and the pool are written before the state becomes ready and not changed until all
 * requests have ended; service_state() says ready only after that. */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/status.h"
#include "proto/models_response.h"
#include "server/keep.h"
#include "server/options.h"
#include "server/pipeline.h"
#include "server/pool.h"

enum service_state { SERVICE_LOADING, SERVICE_READY, SERVICE_DRAINING };
enum { SERVICE_MAX_NAMES = 16 };

struct service {
    const struct options *options;
    _Atomic enum service_state state;
    struct pipeline *pipeline;
    struct pool *pool;
    struct keep *keep;
    struct served_model names[SERVICE_MAX_NAMES]; /* the model's own name, then its aliases */
    size_t n_names;
    char *alias_text; /* what `names` points into */
};

/* Borrows the options. */
void service_init(struct service *service, const struct options *options);

/* Loads and warms; then ready, unless service_drain() came first. */
enum asr_status service_load(struct service *service, struct asr_error *err);

enum service_state service_state(const struct service *service);
void service_drain(struct service *service);

/* Housekeeping, to be called about once a second. */
void service_watch(const struct service *service);

/* After the last request has ended. */
void service_free(struct service *service);

#endif
