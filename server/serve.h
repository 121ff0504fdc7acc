/* serve.h - the `serve` command: the daemon, from its first log line to its exit status. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server/options.h"

/* Takes over SIGTERM and SIGINT. Returns when one has come and all requests in flight are answered
 * (0), or when it cannot serve (1). When requests outlast the drain timeout,
 * or on a second signal, the process exits from in here, with 1. */
int serve(const struct options *options);

#endif
