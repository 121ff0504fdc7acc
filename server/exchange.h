/* exchange.h - one request and its answer, from its headers' arrival to its last byte.
 *
 * Made and ended by http.c on the HTTP thread. Between http_suspend() and http_resume() it
 * belongs to the thread that has its job; at all other times to the HTTP thread. `head` and what is
 * marked "guarded" are the exceptions: see http.c. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/api_error.h"
#include "proto/buffer.h"
#include "server/pipeline.h"
#include "server/pool.h"
#include "server/request_id.h"
#include "server/sched.h"

struct MHD_Connection;
struct http;
struct route;
struct service;
struct upload;

struct answer {
    unsigned status; /* HTTP; 0 until there is an answer */
    const char *content_type;
    struct buffer body;
    unsigned retry_after_seconds; /* 0: no such header */
    const char *allow;            /* static; NULL: no such header */
};

/* Guarded: whether the client's body may still be cut off by an early answer, and whether somebody
 * must look if the client is still there. */
enum exchange_phase {
    PHASE_READING,  /* the body is coming in */
    PHASE_CUT,      /* answered before its end; the rest is read and dropped */
    PHASE_COMPLETE, /* all of the request is here, or its answer is MHD's to send */
    PHASE_SUSPENDED /* its job is under way, and MHD does not look at the connection */
};

struct exchange {
    struct request_id id;
    const char *method, *path;
    char peer[64];
    const struct route *route;
    struct service *service;

    struct upload *upload; /* of a request with fields */
    struct pool_job job;
    struct ticket ticket; /* of what is computed for it */
    struct answer answer;

    /* What the log tells. */
    double started_ms, submitted_ms;
    struct pipeline_times times;
    uint64_t bytes_in;

    /* http.c's own. */
    struct http *http;
    struct MHD_Connection *connection;
    uint64_t content_length; /* UINT64_MAX when chunked, 0 without a body */
    bool expects_continue, ended, suspended;
    bool last;                          /* the connection ends with the answer */
    struct exchange *previous, *next;   /* guarded */
    enum exchange_phase phase;          /* guarded */
    unsigned cut_status;                /* guarded: of an early answer */
    size_t cut_bytes;                   /* guarded: of its body */
    double last_byte_ms, linger_end_ms; /* guarded */
};

/* The error object as the answer, or a bare 500 if there is no memory even for that. */
void answer_error(struct answer *answer, const struct api_error *e);

/* A whole answer from static text. */
void answer_static(struct answer *answer, unsigned status, const char *content_type,
                   const char *text);

#endif
