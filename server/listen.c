#include "server/listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_one(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    /* Without it a restart has to wait for the connections of the last run to be forgotten. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static enum asr_status find_name(struct listener *listener, struct asr_error *err)
{
    struct sockaddr_storage address;
    socklen_t n = sizeof(address);
    char port[NI_MAXSERV];

    if (getsockname(listener->fd, (struct sockaddr *)&address, &n) != 0)
        return asr_fail(err, ASR_ERR_IO, "getsockname: %s", strerror(errno));
    int rc = getnameinfo((struct sockaddr *)&address, n, listener->host, sizeof(listener->host),
                         port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    if (rc != 0)
        return asr_fail(err, ASR_ERR_IO, "getnameinfo: %s", gai_strerror(rc));
    listener->port = (unsigned)strtoul(port, NULL, 10);
    return ASR_OK;
}

enum asr_status listen_on(struct listener *out, const char *host, unsigned port,
                          struct asr_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    char service[16];

    out->fd = -1;
    snprintf(service, sizeof(service), "%u", port);
    int rc = getaddrinfo(host, service, &hints, &addresses);
    if (rc != 0)
        return asr_fail(err, ASR_ERR_IO, "cannot listen on '%s': %s", host, gai_strerror(rc));
    for (const struct addrinfo *a = addresses; a && out->fd < 0; a = a->ai_next)
        out->fd = bind_one(a);
    int reason = errno;
    freeaddrinfo(addresses);
    if (out->fd < 0)
        return asr_fail(err, ASR_ERR_IO, "cannot listen on %s port %u: %s", host, port,
                        strerror(reason));
    enum asr_status st = find_name(out, err);
    if (st != ASR_OK) {
        close(out->fd);
        out->fd = -1;
    }
    return st;
}
