/* The HTTP side with the real model behind it, over sockets of our own: what clients may do that
 * client libraries will not. */
#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http.h"
#include "server/log.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

#define POST "POST /v1/audio/transcriptions?model=en-v1 HTTP/1.1\r\nHost: x\r\n"
#define RECORDING "tests/data/golden/phone8k.61-70968-0025.wav"

static struct options options;
static struct service service;
static struct http *http;

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void start_with(const char *body_timeout, bool load)
{
    static const struct option_sources sources = {no_environment, NULL};
    char args[][40] = {"--model=model/en",    "--port=0", "--threads=1", "--queue=0",
                       "--max-body-bytes=1M", ""};
    char *argv[COUNT(args)];
    struct asr_error err;
    bool help;

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    snprintf(args[COUNT(args) - 1], sizeof(args[0]), "--body-timeout=%s", body_timeout);
    for (size_t i = 0; i < COUNT(args); i++)
        argv[i] = args[i];
    ck_assert_msg(options_load(&options, COMMAND_SERVE, COUNT(args), argv, &sources, &help, &err) ==
                      ASR_OK,
                  "%s", err.text);
    service_init(&service, &options);
    if (load)
        ck_assert_msg(service_load(&service, &err) == ASR_OK, "%s", err.text);
    ck_assert_msg(http_start(&http, &options, &service, &err) == ASR_OK, "%s", err.text);
}

static void start(void)
{
    start_with("60", true);
}

static void stop(void)
{
    http_free(http);
    service_free(&service);
    options_free(&options);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void say(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        at += sent;
        n -= (size_t)sent;
    }
}

static void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* One response: its head, then as much body as that says. "" when the connection has ended. */
static const char *hear(int fd)
{
    static char text[65536];
    size_t n = 0, wanted = sizeof(text) - 1;

    text[0] = 0;
    while (n < wanted) {
        ssize_t got = recv(fd, text + n, 1, 0);
        if (got <= 0)
            break;
        text[++n] = 0;
        if (wanted == sizeof(text) - 1 && n >= 4 && memcmp(text + n - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strstr(text, "Content-Length: ");
            wanted = n + (length ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    return text;
}

/* `status` and every one of the 0-terminated list of texts are in the response. */
static void expect(const char *response, const char *status, const char *const *texts)
{
    ck_assert_msg(strncmp(response, "HTTP/1.1 ", 9) == 0 && strncmp(response + 9, status, 3) == 0,
                  "not %s: %s", status, response);
    for (; texts && *texts; texts++)
        ck_assert_msg(strstr(response, *texts) != NULL, "no '%s' in: %s", *texts, response);
}

static void say_recording(int fd, const char *more_headers)
{
    size_t n;
    char *bytes = file_read(RECORDING, &n), head[512];

    snprintf(head, sizeof(head), POST "Content-Type: audio/wav\r\n%sContent-Length: %zu\r\n\r\n",
             more_headers, n);
    say_text(fd, head);
    say(fd, bytes, n);
    free(bytes);
}

static const struct {
    const char *request, *status, *has[3];
} refused[] = {
    {"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", "404", {"\"unknown_url\""}},
    {"PUT /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
     "405",
     {"Allow: GET, HEAD, OPTIONS\r\n", "\"method_not_supported\""}},
    {"GET /v1/models/none HTTP/1.1\r\nHost: x\r\n\r\n", "404", {"\"model_not_found\""}},
    {POST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nab",
     "415",
     {"\"unsupported_media_type\""}},
    {POST "Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nab",
     "400",
     {"\"invalid_request\"", "no boundary"}},
    {POST "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4\r\n\r\n--b\r",
     "400",
     {"\"invalid_request\""}},
    {POST "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9\r\n\r\n--b--\r\n\r\n",
     "400",
     {"\"missing_required_parameter\""}},
    {POST "Content-Length: 5\r\n\r\nhello", "400", {"\"invalid_audio\"", "\"param\":\"file\""}},
    {POST "\r\n", "400", {"\"missing_required_parameter\"", "\"file\""}},
    {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400",
     {"\"invalid_request\"", "Connection: close\r\n"}},
    {"POST /v1/audio/transcriptions?model=en-v1&response_format=xml HTTP/1.1\r\nHost: x\r\n"
     "Content-Length: 1\r\n\r\na",
     "400",
     {"\"param\":\"response_format\""}},
};

START_TEST(a_bad_request_is_refused_with_the_error_object)
    {
        int fd = dial();

        say_text(fd, refused[_i].request);
        expect(hear(fd), refused[_i].status, refused[_i].has);
        close(fd);
    }
END_TEST

/* All but the last have it that the body is too large before it is here. */
static const char *const oversize_heads[] = {
    POST "Content-Type: audio/wav\r\nContent-Length: 40000000\r\n\r\n",
    POST "Content-Type: audio/wav\r\nContent-Length: 2097152\r\n\r\n",
    POST "Content-Type: audio/wav\r\nContent-Length: 40000000\r\nExpect: 100-continue\r\n\r\n",
    POST "Content-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n",
};

/* The client sends on, as libraries do that look for an answer only at the end, and must find it.
 */
START_TEST(an_oversize_body_is_answered_413_and_the_answer_can_be_read)
    {
        static const char *const has[] = {"\"body_too_large\"", "Connection: close\r\n",
                                          "X-Request-Id: big\r\n", NULL};
        static char piece[65536];
        int fd = dial();

        say_text(fd, "POST /v1/audio/transcriptions?model=en-v1 HTTP/1.1\r\nX-Request-Id: big\r\n");
        say_text(fd, strchr(oversize_heads[_i], '\n') + 1);
        if (!strstr(oversize_heads[_i], "Expect")) {
            for (int i = 0; i < 32; i++) { /* 2 MiB: all of the second one's */
                if (strstr(oversize_heads[_i], "chunked"))
                    say_text(fd, "10000\r\n");
                say(fd, piece, sizeof(piece));
                if (strstr(oversize_heads[_i], "chunked"))
                    say_text(fd, "\r\n");
            }
        }
        expect(hear(fd), "413", has);
        ck_assert_str_eq(hear(fd), "");
        close(fd);
    }
END_TEST

START_TEST(a_request_id_is_echoed_and_a_bad_one_is_replaced)
    {
        static const char *const echoed[] = {"X-Request-Id: abc-1.2_Z\r\n", NULL};
        int fd = dial();

        say_text(fd, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1.2_Z\r\n\r\n");
        expect(hear(fd), "200", echoed);
        say_text(fd, "GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n");
        const char *response = hear(fd);
        expect(response, "404", NULL);
        const char *id = strstr(response, "X-Request-Id: ");
        ck_assert_ptr_nonnull(id);
        ck_assert_uint_eq(strspn(id + 14, "0123456789abcdef"), 32);
        close(fd);
    }
END_TEST

/* The first gets a worker: the second must wait for its answer, and the third comes after both. */
START_TEST(pipelined_requests_are_answered_in_order_on_one_connection)
    {
        static const char *const first[] = {"\"text\":\"", "X-Request-Id: one\r\n", NULL};
        static const char *const second[] = {"{\"status\":\"ok\"}", "X-Request-Id: two\r\n", NULL};
        static const char *const third[] = {"\"text\":\"", "X-Request-Id: three\r\n", NULL};
        int fd = dial();

        say_recording(fd, "X-Request-Id: one\r\n");
        say_text(fd, "GET /readyz HTTP/1.1\r\nHost: x\r\nX-Request-Id: two\r\n\r\n");
        say_recording(fd, "X-Request-Id: three\r\n");
        expect(hear(fd), "200", first);
        expect(hear(fd), "200", second);
        expect(hear(fd), "200", third);
        close(fd);
    }
END_TEST

START_TEST(a_refused_small_body_keeps_the_connection)
    {
        int fd = dial();

        say_text(fd, refused[1].request);
        expect(hear(fd), "405", NULL);
        say_text(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(fd), "200", NULL);
        close(fd);
    }
END_TEST

/* Watches until there is something to read. */
static void watch_until_answered(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, 20) == 0)
        http_watch(http);
}

static const char *const slow_pieces[] = {"", "RIFF"};

START_TEST(a_body_that_does_not_come_in_time_is_answered_408)
    {
        static const char *const has[] = {"\"request_timeout\"", "Connection: close\r\n", NULL};

        start_with("0.2", true);
        int fd = dial();
        say_text(fd, POST "Content-Length: 1000\r\n\r\n");
        say_text(fd, slow_pieces[_i]);
        watch_until_answered(fd);
        expect(hear(fd), "408", has);
        close(fd);
        stop();
    }
END_TEST

START_TEST(until_the_model_is_loaded_only_liveness_is_claimed)
    {
        static const char *const loading[] = {"{\"status\":\"loading model\"}", NULL};
        static const char *const not_ready[] = {"\"not_ready\"", "Retry-After: ", NULL};
        struct asr_error err;

        start_with("60", false);
        int fd = dial();
        say_text(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(fd), "200", NULL);
        say_text(fd, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(fd), "503", loading);
        say_text(fd, "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(fd), "503", not_ready);
        say_recording(fd, "");
        expect(hear(fd), "503", not_ready);
        ck_assert_int_eq(service_load(&service, &err), ASR_OK);
        say_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(fd), "200", NULL);
        close(fd);
        stop();
    }
END_TEST

START_TEST(draining_finishes_what_is_in_flight_and_takes_nothing_new)
    {
        static const char *const answered[] = {"\"text\":\"", "Connection: close\r\n", NULL};
        static const char *const draining[] = {"{\"status\":\"draining\"}", NULL};
        struct pollfd idle = {.fd = http_idle_fd(http), .events = POLLIN};
        size_t n;
        char *bytes = file_read(RECORDING, &n), head[256];
        int busy = dial(), probe = dial();

        snprintf(head, sizeof(head), POST "Content-Length: %zu\r\n\r\n", n);
        say_text(probe, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(probe), "200", NULL);
        while (http_in_flight(http) != 0)
            poll(NULL, 0, 5);
        say_text(busy, head);
        say(busy, bytes, n / 2);
        while (http_in_flight(http) != 1)
            poll(NULL, 0, 5);
        service_drain(&service);
        http_close_door(http);
        ck_assert_int_eq(dial(), -1);
        say_text(probe, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(hear(probe), "503", draining);
        ck_assert_int_eq(poll(&idle, 1, 0), 0);
        say(busy, bytes + n / 2, n - n / 2);
        expect(hear(busy), "200", answered);
        ck_assert_int_eq(poll(&idle, 1, 30000), 1);
        ck_assert_uint_eq(http_in_flight(http), 0);
        free(bytes);
        close(busy);
        close(probe);
    }
END_TEST

START_TEST(a_client_that_leaves_is_forgotten)
    {
        int fd = dial();

        say_text(fd, POST "Content-Length: 1000\r\n\r\nRIFF");
        while (http_in_flight(http) != 1)
            poll(NULL, 0, 5);
        close(fd);
        while (http_in_flight(http) != 0)
            poll(NULL, 0, 5);
    }
END_TEST

/* The one thread that computes, kept busy until it may go on. */
struct gate {
    struct work work; /* first */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
};

static void wait_at_gate(struct work *work, void *scratch)
{
    struct gate *gate = (struct gate *)(void *)work;

    (void)scratch;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void *stand_at_gate(void *arg)
{
    static const struct ticket ticket = {LANE_LIVE, INFINITY, false};
    struct pipeline_times times = {0};
    struct gate *gate = arg;

    pipeline_compute(service.pipeline, &ticket, &gate->work, &times, NULL);
    return NULL;
}

static void close_gate(struct gate *gate)
{
    *gate = (struct gate){.work = {.run = wait_at_gate},
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    ck_assert_int_eq(pthread_create(&gate->thread, NULL, stand_at_gate, gate), 0);
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    pthread_join(gate->thread, NULL);
}

/* With one thread and no queue, the one request that may be under way is. */
static void wait_until_under_way(void)
{
    while (!pool_is_full(service.pool))
        poll(NULL, 0, 5);
}

/* It ends although nothing of it could be computed. */
START_TEST(what_a_client_waits_for_is_dropped_when_it_leaves)
    {
        struct gate gate;

        close_gate(&gate);
        int fd = dial();
        say_recording(fd, "");
        wait_until_under_way();
        http_watch(http);
        ck_assert_uint_eq(http_in_flight(http), 1);
        close(fd);
        while (http_in_flight(http) != 0) {
            http_watch(http);
            poll(NULL, 0, 5);
        }
        open_gate(&gate);
    }
END_TEST

START_TEST(work_that_could_not_begin_in_time_is_answered_503)
    {
        static const char *const has[] = {"\"overloaded\"", "Retry-After: ", "its turn", NULL};
        struct gate gate;

        options.request_timeout_seconds = 0.05;
        close_gate(&gate);
        int fd = dial();
        say_recording(fd, "");
        expect(hear(fd), "503", has);
        open_gate(&gate);
        close(fd);
    }
END_TEST

START_TEST(one_more_than_may_be_under_way_is_refused_and_taken_when_there_is_room)
    {
        static const char *const full[] = {"\"overloaded\"", "Retry-After: ", NULL};
        struct gate gate;

        close_gate(&gate);
        int first = dial(), second = dial();
        say_recording(first, "");
        wait_until_under_way();
        say_recording(second, "");
        expect(hear(second), "503", full);
        open_gate(&gate);
        expect(hear(first), "200", NULL);
        for (int i = 0; i < 10; i++) { /* who has an answer has made room */
            say_recording(first, "");
            expect(hear(first), "200", NULL);
        }
        close(first);
        close(second);
    }
END_TEST

START_TEST(an_address_in_use_is_an_error_that_names_it)
    {
        struct options second = options;
        struct http *other;
        struct asr_error err;
        char expected[64];

        second.port = http_port(http);
        ck_assert_int_eq(http_start(&other, &second, &service, &err), ASR_ERR_IO);
        ck_assert_ptr_null(other);
        snprintf(expected, sizeof(expected),
                 "cannot listen on 127.0.0.1 port %u: Address already in use", http_port(http));
        ck_assert_str_eq(err.text, expected);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http");
    TCase *served = tcase_create("served"), *own = tcase_create("own");

    tcase_set_timeout(served, 120);
    tcase_set_timeout(own, 120);
    tcase_add_checked_fixture(served, start, stop);
    tcase_add_loop_test(served, a_bad_request_is_refused_with_the_error_object, 0, COUNT(refused));
    tcase_add_loop_test(served, an_oversize_body_is_answered_413_and_the_answer_can_be_read, 0,
                        COUNT(oversize_heads));
    tcase_add_test(served, a_request_id_is_echoed_and_a_bad_one_is_replaced);
    tcase_add_test(served, pipelined_requests_are_answered_in_order_on_one_connection);
    tcase_add_test(served, a_refused_small_body_keeps_the_connection);
    tcase_add_test(served, draining_finishes_what_is_in_flight_and_takes_nothing_new);
    tcase_add_test(served, a_client_that_leaves_is_forgotten);
    tcase_add_test(served, what_a_client_waits_for_is_dropped_when_it_leaves);
    tcase_add_test(served, work_that_could_not_begin_in_time_is_answered_503);
    tcase_add_test(served, one_more_than_may_be_under_way_is_refused_and_taken_when_there_is_room);
    tcase_add_test(served, an_address_in_use_is_an_error_that_names_it);
    tcase_add_loop_test(own, a_body_that_does_not_come_in_time_is_answered_408, 0,
                        COUNT(slow_pieces));
    tcase_add_test(own, until_the_model_is_loaded_only_liveness_is_claimed);
    suite_add_tcase(s, served);
    suite_add_tcase(s, own);
    return s;
}
