/* http.h - the HTTP side: listening, connections, reading requests, sending answers.
 *
 * The only file pair that knows libmicrohttpd. One thread, libmicrohttpd's own, runs all handlers;
 * exchanges that compute are suspended meanwhile and resumed by the thread that has their job. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"
#include "server/exchange.h"
#include "server/options.h"
#include "server/service.h"

struct http;

/* Listens and serves. Borrows both. ASR_ERR_IO names the address and the reason. */
enum asr_status http_start(struct http **out, const struct options *options,
                           struct service *service, struct asr_error *err);

/* Host and port as bound: "127.0.0.1", 8080. */
const char *http_host(const struct http *http);
unsigned http_port(const struct http *http);

/* Answers 408 to bodies that are late, ends connections that linger after an early answer, and
 * cancels the work of clients that have left. To be called about once a second, from any one
 * thread. */
void http_watch(struct http *http);

/* No more connections. Those that are open are closed after the answer under way. */
void http_close_door(struct http *http);

/* Requests whose answer has not been sent in full. */
size_t http_in_flight(struct http *http);

/* An eventfd that becomes readable when the last request in flight has ended. */
int http_idle_fd(const struct http *http);

/* When nothing is in flight. NULL is fine. */
void http_free(struct http *http);

/* ---- for handlers, on the HTTP thread ---- */

const char *http_header(const struct exchange *x, const char *name); /* NULL if absent */
void http_each_query(const struct exchange *x,
                     void (*found)(void *ctx, const char *name, const char *value, size_t n_bytes),
                     void *ctx);

/* The connection rests until http_resume(), which any thread may call, once. x->answer is then
 * sent, and x is the HTTP thread's again. */
void http_suspend(struct exchange *x);
void http_resume(struct exchange *x);

#endif
