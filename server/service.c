#include "server/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/clock.h"

enum { MAX_REQUEST_THREADS = 512 };

void service_init(struct service *service, const struct options *options)
{
    memset(service, 0, sizeof(*service));
    service->options = options;
    atomic_init(&service->state, SERVICE_LOADING);
}

/* `created` of the models list: when the model's files were put there. */
static int64_t model_time(const char *dir)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/config.json", dir);

    return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

static enum asr_status name_models(struct service *service, struct asr_error *err)
{
    const struct model_config *config = model_config(pipeline_model(service->pipeline));
    struct served_model model = {config->name, config->language, config->licence,
                                 model_time(service->options->model)};
    char *rest;

    service->names[service->n_names++] = model;
    service->alias_text = strdup(service->options->model_alias);
    if (!service->alias_text)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    for (char *name = strtok_r(service->alias_text, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest)) {
        if (strcmp(name, config->name) == 0)
            continue;
        if (service->n_names == SERVICE_MAX_NAMES)
            return asr_fail(err, ASR_ERR_INVALID, "model-alias: more than %d names",
                            SERVICE_MAX_NAMES - 1);
        model.id = name;
        service->names[service->n_names++] = model;
    }
    return ASR_OK;
}

/* A thread for every request that may be under way at once, as long as that is a sensible number:
 * they wait in the scheduler's lines then, where live work goes before bulk. */
static enum asr_status start_pool(struct service *service, struct asr_error *err)
{
    const struct options *options = service->options;
    int64_t requests = options->threads + options->queue, threads = requests;

    if (threads > options->max_connections)
        threads = options->max_connections;
    if (threads > MAX_REQUEST_THREADS)
        threads = MAX_REQUEST_THREADS;
    return pool_new(&service->pool, (size_t)threads, (size_t)(requests - threads), err);
}

enum asr_status service_load(struct service *service, struct asr_error *err)
{
    const struct options *options = service->options;
    enum service_state loading = SERVICE_LOADING;
    enum asr_status st = pipeline_new(&service->pipeline, options, err);

    if (st == ASR_OK)
        st = name_models(service, err);
    if (st == ASR_OK)
        st = keep_new(&service->keep, (size_t)options->keep_bytes, options->keep_seconds, clock_ms,
                      err);
    if (st == ASR_OK)
        st = start_pool(service, err);
    if (st == ASR_OK)
        atomic_compare_exchange_strong(&service->state, &loading, SERVICE_READY);
    return st;
}

enum service_state service_state(const struct service *service)
{
    return atomic_load(&service->state);
}

void service_drain(struct service *service)
{
    atomic_store(&service->state, SERVICE_DRAINING);
}

/* Before it is ready, another thread may be making what is looked after here. */
void service_watch(const struct service *service)
{
    if (service_state(service) == SERVICE_READY)
        keep_expire(service->keep);
}

void service_free(struct service *service)
{
    pool_free(service->pool);
    keep_free(service->keep);
    pipeline_free(service->pipeline);
    free(service->alias_text);
}
