/* request_id.h - the name of one request in answers and logs (X-Request-Id). */
#ifndef SERVER_REQUEST_ID_H
#define SERVER_REQUEST_ID_H

enum { REQUEST_ID_MAX = 64 };

struct request_id {
    char text[REQUEST_ID_MAX + 1];
};

/* The caller's own id when it is 1 to 64 of [A-Za-z0-9._-], so that a proxy's or a client's logs
 * and ours can be joined; otherwise, and for NULL, 128 random bits in hexadecimal. */
void request_id_choose(struct request_id *id, const char *given);

#endif
