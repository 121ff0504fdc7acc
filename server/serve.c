#include "server/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/http.h"
#include "server/log.h"
#include "server/service.h"

enum { WATCH_INTERVAL_MS = 500 };

struct daemon {
    const struct options *options;
    struct service service;
    struct http *http;
    int signal_fd;
    pthread_t loader;
    int load_failed_fd; /* an eventfd: the loader has logged why */
};

static void log_ready(const struct daemon *d, double started_ms)
{
    const struct model *model = pipeline_model(d->service.pipeline);
    struct log_line line;

    log_start(&line, LOG_LEVEL_INFO, "ready");
    log_text(&line, "model", model_config(model)->name);
    log_text(&line, "language", model_config(model)->language);
    log_integer(&line, "parameters", (int64_t)network_parameters(model_network(model)));
    log_integer(&line, "threads", d->options->threads);
    log_number(&line, "load_ms", clock_ms() - started_ms, 0);
    log_end(&line);
}

static void *load(void *arg)
{
    struct daemon *d = arg;
    struct asr_error err;
    double started_ms = clock_ms();

    if (service_load(&d->service, &err) == ASR_OK) {
        log_ready(d, started_ms);
    } else {
        log_error(LOG_LEVEL_ERROR, "cannot load the model", err.text);
        eventfd_write(d->load_failed_fd, 1);
    }
    return NULL;
}

static void log_listening(const struct daemon *d)
{
    const char *host = http_host(d->http);
    bool v6 = strchr(host, ':') != NULL;
    struct log_line line;
    struct buffer example;

    log_start(&line, LOG_LEVEL_INFO, "listening");
    log_text(&line, "addr", host);
    log_integer(&line, "port", http_port(d->http));
    log_end(&line);

    buffer_init(&example, 1024);
    buffer_printf(&example, NULL,
                  "curl -F file=@recording.wav -F model=whisper-1 "
                  "http://%s%s%s:%u/v1/audio/transcriptions",
                  v6 ? "[" : "", host, v6 ? "]" : "", http_port(d->http));
    log_start(&line, LOG_LEVEL_INFO, "try");
    log_text(&line, "command", example.bytes);
    log_end(&line);
    buffer_free(&example);
}

/* Until a signal has come (true), the model cannot be loaded (false), or `idle_fd`, unless it is
 * -1, is readable (false). 0 timeout: none. */
static bool wait_for_signal(struct daemon *d, int other_fd, double end_ms)
{
    struct pollfd fds[] = {{.fd = d->signal_fd, .events = POLLIN},
                           {.fd = other_fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    while (end_ms <= 0 || clock_ms() < end_ms) {
        if (poll(fds, 2, WATCH_INTERVAL_MS) < 0 && errno != EINTR)
            return false;
        if (fds[0].revents & POLLIN)
            return read(d->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
        if (fds[1].revents & POLLIN)
            return false;
        http_watch(d->http);
    }
    return false;
}

/* Returns once nothing is in flight. Computations cannot be interrupted, so that when time is up
 * the only way to end them is to end the process. */
static void drain(struct daemon *d)
{
    double end_ms = clock_ms() + d->options->drain_timeout_seconds * 1e3;
    struct log_line line;

    log_start(&line, LOG_LEVEL_INFO, "draining");
    log_integer(&line, "in_flight", (int64_t)http_in_flight(d->http));
    log_end(&line);
    service_drain(&d->service);
    http_close_door(d->http);
    bool again = wait_for_signal(d, http_idle_fd(d->http), end_ms);
    size_t left = http_in_flight(d->http);
    if (left == 0 && !again)
        return;
    log_start(&line, LOG_LEVEL_WARN, again ? "second signal" : "drain timeout");
    log_integer(&line, "in_flight", (int64_t)left);
    log_end(&line);
    _exit(EXIT_FAILURE);
}

/* Before any thread starts, so that all of them inherit the mask. */
static int open_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool start(struct daemon *d)
{
    struct asr_error err;

    d->signal_fd = open_signals();
    d->load_failed_fd = eventfd(0, EFD_CLOEXEC);
    if (d->signal_fd < 0 || d->load_failed_fd < 0) {
        log_error(LOG_LEVEL_ERROR, "cannot start", strerror(errno));
        return false;
    }
    if (http_start(&d->http, d->options, &d->service, &err) != ASR_OK) {
        log_error(LOG_LEVEL_ERROR, "cannot start", err.text);
        return false;
    }
    log_listening(d);
    int rc = pthread_create(&d->loader, NULL, load, d);
    if (rc != 0)
        log_error(LOG_LEVEL_ERROR, "cannot start", strerror(rc));
    return rc == 0;
}

int serve(const struct options *options)
{
    struct daemon d = {.options = options};
    int status = EXIT_FAILURE;

    service_init(&d.service, options);
    if (start(&d)) {
        if (wait_for_signal(&d, d.load_failed_fd, 0))
            status = EXIT_SUCCESS;
        drain(&d);
        pthread_join(d.loader, NULL);
        log_error(LOG_LEVEL_INFO, "stopped", NULL);
    }
    http_free(d.http);
    service_free(&d.service);
    close(d.load_failed_fd);
    close(d.signal_fd);
    return status;
}
