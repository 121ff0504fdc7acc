/* listen.h - a listening TCP socket. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <netdb.h>

#include "audio/status.h"

struct listener {
    int fd;
    char host[NI_MAXHOST]; /* as bound, numeric */
    unsigned port;
};

/* `host` is a name or an address, IPv4 or IPv6; port 0 is any free one. ASR_ERR_IO names both and
 * the reason. */
enum asr_status listen_on(struct listener *out, const char *host, unsigned port,
                          struct asr_error *err);

#endif
