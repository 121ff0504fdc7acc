/* routes.h - which handler answers which method and path. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include <stddef.h>

struct audio_endpoint;
struct exchange;

/* Handlers run on the HTTP thread and must not block. Each may answer; the later ones are then not
 * called. */
struct route {
    const char *method, *path;         /* {name} at the end is any rest */
    void (*begin)(struct exchange *x); /* the headers are in; NULL: nothing to do */
    void (*body)(struct exchange *x, const char *bytes, size_t n_bytes); /* NULL: dropped */
    void (*end)(struct exchange *x);       /* all is in: answers, or http_suspend()s */
    const struct audio_endpoint *endpoint; /* of audio_endpoint's three functions; else NULL */
};

/* Never NULL: there are routes for what is unknown (404), for a method that a path does not have
 * (405) and for OPTIONS. HEAD goes where GET goes. */
const struct route *routes_find(const char *method, const char *path);

/* The methods of a path, for the Allow header; static text, NULL for an unknown path. */
const char *routes_allowed(const char *path);

#endif
