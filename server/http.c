/* http.c - see http.h.
 *
 * Life of an exchange, on libmicrohttpd's thread: on_request() is called with the headers, with
 * every piece of the body, with its end, and once more after a resume; on_completed() when the
 * answer has been sent or the client is gone.
 *
 * Early answers. libmicrohttpd can queue an answer before or after a body but not within it, and
 * when it answers before, it closes a socket that still has data to read: the kernel then resets
 * the connection, and clients that send first and read later (Node's fetch) see the reset instead
 * of the answer. So a body that must not go on is cut: we write the answer to the socket
 * ourselves, shut down our direction, and go on reading and dropping what comes for a while, as
 * nginx does. Nothing else is being written at that time. Small rests of a body are read to the
 * end instead, which keeps the connection; and a client that waits for "100 Continue" gets the
 * answer in its place.
 *
 * Clients that leave. libmicrohttpd does not look at a suspended connection: http_watch() does, and
 * cancels what has been asked for in vain.
 *
 * Late bodies. libmicrohttpd's timeout closes without a word, and it counts silence only. So it is
 * off while a body is read, and http_watch(), on another thread, cuts bodies that are late. This is
 * what `lock` is for: it guards the list of exchanges, their phase, and with it the right to
 * write to the socket, which stays open until on_completed() has taken the exchange off the list.
 */
#include "server/http.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/routes.h"
#include "server/upload.h"

/* Rests of refused bodies up to this are read, which saves the client a connection. */
enum { MAX_DROPPED_BYTES = 256 << 10 };
/* How long a cut connection may go on sending before it is closed on it. */
#define LINGER_MS 5000.0
/* For the headers of a request, and for pieces of its body. */
enum { CONNECTION_MEMORY_BYTES = 64 << 10 };

struct http {
    const struct options *options;
    struct service *service;
    struct MHD_Daemon *daemon;
    struct listener listener;
    int idle_fd;

    pthread_mutex_t lock;
    struct exchange *exchanges; /* guarded, as are their members so marked */
    size_t in_flight;           /* guarded */
    bool door_closed;           /* guarded */
};

/* ---- early answers ----------------------------------------------------------------------------
 */

static int socket_of(const struct exchange *x)
{
    return MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static enum asr_status render_head(const struct exchange *x, const struct answer *answer,
                                   struct buffer *out)
{
    char date[64];
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    enum asr_status st = buffer_printf(
        out, NULL,
        "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nX-Request-Id: %s\r\n"
        "Content-Type: %s\r\nContent-Length: %zu\r\n",
        answer->status, MHD_get_reason_phrase_for(answer->status), date, x->id.text,
        answer->content_type ? answer->content_type : "application/json", answer->body.n_bytes);
    if (st == ASR_OK && answer->retry_after_seconds)
        st = buffer_printf(out, NULL, "Retry-After: %u\r\n", answer->retry_after_seconds);
    if (st == ASR_OK && answer->allow)
        st = buffer_printf(out, NULL, "Allow: %s\r\n", answer->allow);
    return st == ASR_OK ? buffer_append(out, "\r\n", 2, NULL) : st;
}

/* With the lock held. If the socket does not take the whole of it at once, or memory is short, the
 * client sees the connection end; it has not been listening, or nothing can be done. */
static void cut(struct exchange *x, const struct answer *answer)
{
    struct buffer text;

    if (x->phase != PHASE_READING)
        return;
    buffer_init(&text, 1 << 20);
    if (render_head(x, answer, &text) == ASR_OK &&
        buffer_append(&text, answer->body.bytes, answer->body.n_bytes, NULL) == ASR_OK)
        send(socket_of(x), text.bytes, text.n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(socket_of(x), SHUT_WR);
    buffer_free(&text);
    x->phase = PHASE_CUT;
    x->cut_status = answer->status;
    x->cut_bytes = answer->body.n_bytes;
    x->linger_end_ms = clock_ms() + LINGER_MS;
}

static void cut_late(struct exchange *x, const char *what, double seconds)
{
    struct answer answer = {0};
    struct api_error e;

    api_fail(&e, API_REQUEST_TIMEOUT, NULL, "%s %g seconds", what, seconds);
    answer_error(&answer, &e);
    cut(x, &answer);
    buffer_free(&answer.body);
}

/* A client that has closed its side waits for no answer. It might have shut down only its sending
 * direction, which HTTP allows; but that looks the same, and those who do so are hard to find. */
static bool has_left(const struct exchange *x)
{
    struct pollfd peer = {.fd = socket_of(x), .events = POLLRDHUP};

    return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

void http_watch(struct http *http)
{
    const struct options *options = http->options;
    double now = clock_ms();

    pthread_mutex_lock(&http->lock);
    for (struct exchange *x = http->exchanges; x; x = x->next) {
        if (x->phase == PHASE_READING && now - x->started_ms > options->body_timeout_seconds * 1e3)
            cut_late(x, "the request's body has not arrived within", options->body_timeout_seconds);
        else if (x->phase == PHASE_READING &&
                 now - x->last_byte_ms > options->idle_timeout_seconds * 1e3)
            cut_late(x, "nothing of the request's body has come for",
                     options->idle_timeout_seconds);
        else if (x->phase == PHASE_CUT && now > x->linger_end_ms)
            shutdown(socket_of(x), SHUT_RDWR); /* libmicrohttpd reads the end and closes */
        else if (x->phase == PHASE_SUSPENDED && has_left(x))
            pipeline_cancel(http->service->pipeline, &x->ticket);
    }
    pthread_mutex_unlock(&http->lock);
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static bool add_headers(struct MHD_Response *response, const struct exchange *x, bool closing)
{
    const struct answer *answer = &x->answer;
    char retry[16];

    snprintf(retry, sizeof(retry), "%u", answer->retry_after_seconds);
    return MHD_add_response_header(response, "X-Request-Id", x->id.text) == MHD_YES &&
           (!answer->content_type ||
            MHD_add_response_header(response, "Content-Type", answer->content_type) == MHD_YES) &&
           (!answer->retry_after_seconds ||
            MHD_add_response_header(response, "Retry-After", retry) == MHD_YES) &&
           (!answer->allow ||
            MHD_add_response_header(response, "Allow", answer->allow) == MHD_YES) &&
           (!closing || MHD_add_response_header(response, "Connection", "close") == MHD_YES);
}

/* MHD_NO, which closes the connection, only when memory is refused. */
static enum MHD_Result queue_answer(struct exchange *x)
{
    struct buffer *body = &x->answer.body;
    enum MHD_Result result = MHD_NO;

    pthread_mutex_lock(&x->http->lock);
    bool closing = x->http->door_closed || x->last;
    x->phase = PHASE_COMPLETE;
    pthread_mutex_unlock(&x->http->lock);
    /* Lent, not copied: on_completed(), which frees it, comes after the last byte is sent. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->n_bytes, body->bytes, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (add_headers(response, x, closing))
        result = MHD_queue_response(x->connection, x->answer.status, response);
    MHD_destroy_response(response);
    return result;
}

/* x has its answer before its body has ended. */
static enum MHD_Result stop_body(struct exchange *x)
{
    if (x->expects_continue && x->bytes_in == 0)
        return queue_answer(x);
    if (x->content_length < x->bytes_in + MAX_DROPPED_BYTES)
        return MHD_YES;
    pthread_mutex_lock(&x->http->lock);
    cut(x, &x->answer);
    pthread_mutex_unlock(&x->http->lock);
    return MHD_YES;
}

/* ---- requests ---------------------------------------------------------------------------------
 */

const char *http_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

struct query_visit {
    void (*found)(void *ctx, const char *name, const char *value, size_t n_bytes);
    void *ctx;
};

static enum MHD_Result visit(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_size,
                             const char *value, size_t value_size)
{
    const struct query_visit *v = ctx;

    (void)kind;
    (void)key_size;
    v->found(v->ctx, key, value ? value : "", value ? value_size : 0);
    return MHD_YES;
}

void http_each_query(const struct exchange *x,
                     void (*found)(void *ctx, const char *name, const char *value, size_t n_bytes),
                     void *ctx)
{
    struct query_visit v = {found, ctx};

    MHD_get_connection_values_n(x->connection, MHD_GET_ARGUMENT_KIND, visit, &v);
}

void http_suspend(struct exchange *x)
{
    x->suspended = true;
    pthread_mutex_lock(&x->http->lock);
    x->phase = PHASE_SUSPENDED;
    pthread_mutex_unlock(&x->http->lock);
    MHD_suspend_connection(x->connection);
}

void http_resume(struct exchange *x)
{
    MHD_resume_connection(x->connection);
}

static void set_timeout(const struct exchange *x, double seconds)
{
    MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)seconds);
}

/* libmicrohttpd has refused lengths that are not numbers. */
static uint64_t content_length(const struct exchange *x)
{
    const char *length = http_header(x, "Content-Length");

    if (http_header(x, "Transfer-Encoding"))
        return UINT64_MAX;
    return length ? strtoull(length, NULL, 10) : 0;
}

static void find_peer(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    socklen_t n = info && info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                   : sizeof(struct sockaddr_in);

    if (!info ||
        getnameinfo(info->client_addr, n, x->peer, sizeof(x->peer), NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(x->peer, sizeof(x->peer), "unknown");
}

static struct exchange *exchange_new(struct http *http, struct MHD_Connection *connection,
                                     const char *method, const char *path)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    x->http = http;
    x->service = http->service;
    x->connection = connection;
    x->method = method;
    x->path = path;
    x->started_ms = x->last_byte_ms = clock_ms();
    x->route = routes_find(method, path);
    x->content_length = content_length(x);
    x->expects_continue = http_header(x, "Expect") != NULL;
    find_peer(x);
    request_id_choose(&x->id, http_header(x, "X-Request-Id"));

    pthread_mutex_lock(&http->lock);
    x->phase = x->content_length ? PHASE_READING : PHASE_COMPLETE;
    x->next = http->exchanges;
    if (x->next)
        x->next->previous = x;
    http->exchanges = x;
    http->in_flight++;
    pthread_mutex_unlock(&http->lock);
    return x;
}

static void refuse_size(struct exchange *x)
{
    struct api_error e;

    api_fail(&e, API_BODY_TOO_LARGE, NULL,
             "the request's body is larger than the limit of %" PRId64 " bytes",
             x->http->options->max_body_bytes);
    answer_error(&x->answer, &e);
}

static enum MHD_Result count_length(void *ctx, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    unsigned *lengths = ctx;

    (void)kind;
    (void)value;
    *lengths += strcasecmp(key, "Content-Length") == 0 || strcasecmp(key, "Transfer-Encoding") == 0;
    return MHD_YES;
}

static bool has_two_lengths(const struct exchange *x)
{
    unsigned lengths = 0;

    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_length, &lengths);
    return lengths > 1;
}

/* A message whose length is stated twice is how requests are smuggled past proxies (RFC 9112,
 * section 6.3): where it ends is anybody's guess, so that nothing may follow it either. */
static void refuse_two_lengths(struct exchange *x)
{
    struct api_error e;

    api_fail(&e, API_INVALID_REQUEST, NULL,
             "the request states its length twice, by Content-Length or Transfer-Encoding");
    answer_error(&x->answer, &e);
    x->last = true;
}

static enum MHD_Result take_headers(struct http *http, struct MHD_Connection *connection,
                                    const char *method, const char *path, void **con_cls)
{
    struct exchange *x = exchange_new(http, connection, method, path);

    if (!x)
        return MHD_NO;
    *con_cls = x;
    if (has_two_lengths(x))
        refuse_two_lengths(x);
    else if (x->route->begin)
        x->route->begin(x);
    if (!x->answer.status && x->content_length != UINT64_MAX &&
        x->content_length > (uint64_t)http->options->max_body_bytes)
        refuse_size(x);
    if (x->content_length == 0)
        return MHD_YES;
    set_timeout(x, 0);
    return x->answer.status ? stop_body(x) : MHD_YES;
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t n_bytes)
{
    bool dropping = x->answer.status != 0;

    pthread_mutex_lock(&x->http->lock);
    bool is_cut = x->phase == PHASE_CUT;
    x->last_byte_ms = clock_ms();
    pthread_mutex_unlock(&x->http->lock);
    x->bytes_in += n_bytes;
    if (is_cut || dropping)
        return MHD_YES;
    if (x->bytes_in > (uint64_t)x->http->options->max_body_bytes)
        refuse_size(x);
    else if (x->route->body)
        x->route->body(x, bytes, n_bytes);
    return x->answer.status ? stop_body(x) : MHD_YES;
}

static enum MHD_Result take_end(struct exchange *x)
{
    pthread_mutex_lock(&x->http->lock);
    bool is_cut = x->phase == PHASE_CUT;
    x->phase = is_cut ? PHASE_CUT : PHASE_COMPLETE;
    pthread_mutex_unlock(&x->http->lock);
    if (is_cut)
        return MHD_NO;
    if (!x->ended) {
        x->ended = true;
        if (x->content_length)
            set_timeout(x, x->http->options->idle_timeout_seconds);
        if (!x->answer.status)
            x->route->end(x);
        if (x->suspended)
            return MHD_YES;
    }
    return queue_answer(x);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n_bytes, void **con_cls)
{
    struct exchange *x = *con_cls;
    size_t n = *n_bytes;

    (void)version;
    if (!x)
        return take_headers(ctx, connection, method, path, con_cls);
    if (n == 0)
        return take_end(x);
    *n_bytes = 0;
    return take_body(x, bytes, n);
}

/* ---- the end of a request ---------------------------------------------------------------------
 */

static void log_exchange(const struct exchange *x)
{
    enum { CLIENT_CLOSED_REQUEST = 499 }; /* nginx's name for it: the client left first */
    unsigned status = x->cut_status ? x->cut_status : x->ticket.cancelled ? 0 : x->answer.status;
    double total_ms = clock_ms() - x->started_ms;
    struct log_line line;

    log_start(&line, LOG_LEVEL_INFO, "request");
    log_text(&line, "request_id", x->id.text);
    log_text(&line, "peer", x->peer);
    log_text(&line, "method", x->method);
    log_text(&line, "path", x->path);
    log_integer(&line, "status", status ? status : CLIENT_CLOSED_REQUEST);
    log_integer(&line, "bytes_in", (int64_t)x->bytes_in);
    log_integer(&line, "bytes_out",
                (int64_t)(x->cut_status ? x->cut_bytes : x->answer.body.n_bytes));
    if (x->submitted_ms > 0) {
        log_number(&line, "audio_s", x->times.audio_seconds, 3);
        log_number(&line, "queue_ms", x->times.queue_ms, 1);
        log_number(&line, "features_ms", x->times.features_ms, 1);
        log_number(&line, "recognize_ms", x->times.recognize_ms, 1);
        log_integer(&line, "batch", (int64_t)x->times.batch);
        if (x->times.audio_seconds > 0)
            log_number(
                &line, "rtf",
                (x->times.features_ms + x->times.recognize_ms) / (x->times.audio_seconds * 1e3), 4);
    }
    log_number(&line, "total_ms", total_ms, 1);
    log_end(&line);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct http *http = ctx;
    struct exchange *x = *con_cls;

    (void)connection;
    (void)code;
    if (!x)
        return;
    *con_cls = NULL;
    pthread_mutex_lock(&http->lock);
    if (x->previous)
        x->previous->next = x->next;
    else
        http->exchanges = x->next;
    if (x->next)
        x->next->previous = x->previous;
    pthread_mutex_unlock(&http->lock);

    log_exchange(x);
    upload_free(x->upload);
    buffer_free(&x->answer.body);
    free(x);

    pthread_mutex_lock(&http->lock);
    if (--http->in_flight == 0 && http->door_closed)
        eventfd_write(http->idle_fd, 1);
    pthread_mutex_unlock(&http->lock);
}

/* ---- the daemon -------------------------------------------------------------------------------
 */

static void log_library(void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void log_library(void *ctx, const char *format, va_list args)
{
    char text[512];

    (void)ctx;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = 0;
    log_error(LOG_LEVEL_DEBUG, "libmicrohttpd", text);
}

static enum asr_status start_daemon(struct http *http, struct asr_error *err)
{
    const struct options *options = http->options;
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    /* The logger comes first, so that it is there for complaints about the other options. */
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_LISTEN_SOCKET, http->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->idle_timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    if (!http->daemon)
        return asr_fail(err, ASR_ERR_IO, "the HTTP server cannot be started: %s", strerror(errno));
    return ASR_OK;
}

enum asr_status http_start(struct http **out, const struct options *options,
                           struct service *service, struct asr_error *err)
{
    enum asr_status st;
    struct http *http = calloc(1, sizeof(*http));

    *out = NULL;
    if (!http)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for the HTTP server");
    pthread_mutex_init(&http->lock, NULL);
    http->options = options;
    http->service = service;
    http->listener.fd = -1;
    http->idle_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (http->idle_fd < 0)
        st = asr_fail(err, ASR_ERR_IO, "eventfd: %s", strerror(errno));
    else
        st = listen_on(&http->listener, options->bind, (unsigned)options->port, err);
    if (st == ASR_OK)
        st = start_daemon(http, err);
    if (st != ASR_OK) {
        http_free(http);
        return st;
    }
    *out = http;
    return ASR_OK;
}

const char *http_host(const struct http *http)
{
    return http->listener.host;
}

unsigned http_port(const struct http *http)
{
    return http->listener.port;
}

void http_close_door(struct http *http)
{
    MHD_quiesce_daemon(http->daemon);
    close(http->listener.fd);
    http->listener.fd = -1;
    pthread_mutex_lock(&http->lock);
    http->door_closed = true;
    if (http->in_flight == 0)
        eventfd_write(http->idle_fd, 1);
    pthread_mutex_unlock(&http->lock);
}

size_t http_in_flight(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    size_t n = http->in_flight;
    pthread_mutex_unlock(&http->lock);
    return n;
}

int http_idle_fd(const struct http *http)
{
    return http->idle_fd;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    if (http->daemon)
        MHD_stop_daemon(http->daemon); /* closes the listener if http_close_door() has not */
    else if (http->listener.fd >= 0)
        close(http->listener.fd);
    if (http->idle_fd >= 0)
        close(http->idle_fd);
    pthread_mutex_destroy(&http->lock);
    free(http);
}
