#include "server/routes.h"

#include <stdbool.h>
#include <string.h>

#include "audio/count.h"
#include "proto/utf8.h"
#include "server/alignments.h"
#include "server/audio_endpoint.h"
#include "server/exchange.h"
#include "server/health.h"
#include "server/models.h"
#include "server/searches.h"
#include "server/transcriptions.h"

#define QUEUED audio_endpoint_begin, audio_endpoint_body, audio_endpoint_end

static const struct route routes[] = {
    {"GET", "/livez", NULL, NULL, health_live, NULL},
    {"GET", "/readyz", NULL, NULL, health_ready, NULL},
    {"GET", "/health", NULL, NULL, health_ready, NULL},
    {"GET", "/v1/models", NULL, NULL, models_list, NULL},
    {"GET", "/v1/models/{id}", NULL, NULL, models_one, NULL},
    {"POST", "/v1/audio/transcriptions", QUEUED, &transcriptions},
    {"POST", "/v1/redecode", QUEUED, &redecodes},
    {"POST", "/v1/alignments", QUEUED, &alignments},
    {"POST", "/v1/search", QUEUED, &searches},
};

enum { N_ROUTES = COUNT(routes) };

static void answer_not_found(struct exchange *x)
{
    struct api_error e;

    api_fail(&e, API_NOT_FOUND, NULL, "Unknown request URL: %s %s", x->method,
             utf8_quote(x->path, strlen(x->path)).text);
    answer_error(&x->answer, &e);
}

static void answer_wrong_method(struct exchange *x)
{
    struct api_error e;

    x->answer.allow = routes_allowed(x->path);
    api_fail(&e, API_METHOD_NOT_ALLOWED, NULL, "%s is not allowed for %s: use %s",
             utf8_quote(x->method, strlen(x->method)).text,
             utf8_quote(x->path, strlen(x->path)).text, x->answer.allow);
    answer_error(&x->answer, &e);
}

static void answer_options(struct exchange *x)
{
    x->answer.allow = routes_allowed(x->path);
    x->answer.status = 204;
}

static const struct route not_found = {"", "", answer_not_found, NULL, NULL, NULL};
static const struct route wrong_method = {"", "", answer_wrong_method, NULL, NULL, NULL};
static const struct route options = {"OPTIONS", "", NULL, NULL, answer_options, NULL};

/* {name} is the whole rest: paths come unescaped, and a model's id may have had a %2F in it. */
static bool path_matches(const char *pattern, const char *path)
{
    size_t n = strcspn(pattern, "{");

    if (strncmp(pattern, path, n) != 0)
        return false;
    return pattern[n] ? path[n] != 0 : strlen(path) == n;
}

/* Every path has rows of one method only so far: the first tells. */
const char *routes_allowed(const char *path)
{
    for (size_t i = 0; i < N_ROUTES; i++)
        if (path_matches(routes[i].path, path))
            return strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
    return NULL;
}

const struct route *routes_find(const char *method, const char *path)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    bool known = false;

    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!path_matches(routes[i].path, path))
            continue;
        if (strcmp(routes[i].method, wanted) == 0)
            return &routes[i];
        known = true;
    }
    if (!known)
        return &not_found;
    return strcmp(method, "OPTIONS") == 0 ? &options : &wrong_method;
}
