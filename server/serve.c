#include "server/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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
    pthread_t loader;
    int load_failed_fd; /* an eventfd: the loader has logged why */
};

/* An eventfd that counts the signals. Not signalfd: that needs them blocked in all threads, and
 * OpenBLAS starts threads of its own before main(), to which the kernel would deliver them. */
static int signal_fd = -1;

static void on_signal(int number)
{
    const uint64_t one = 1;
    int reason = errno;

    (void)number;
    ssize_t ignored = write(signal_fd, &one, sizeof(one));
    (void)ignored;
    errno = reason;
}

static bool open_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    sigemptyset(&action.sa_mask);
    return signal_fd >= 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
           sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0;
}

static void log_ready(const struct daemon *d, double started_ms)
{
    const struct model *model = pipeline_model(d->service.pipeline);
    struct log_line line;

    log_start(&line, LOG_LEVEL_INFO, "ready");
    log_text(&line, "model", model_config(model)->name);
    log_text(&line, "language", model_config(model)->language);
    log_integer(&line, "parameters", (int64_t)network_parameters(model_network(model)));
    log_text(&line, "kernel", model_kernel(model)->name);
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

/* Until a signal has come (true), or other_fd is readable or the time has come (false). end_ms 0 is
 * never. */
static bool wait_for_signal(const struct daemon *d, int other_fd, double end_ms)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = other_fd, .events = POLLIN}};
    uint64_t one;

    while (end_ms <= 0 || clock_ms() < end_ms) {
        if (poll(fds, 2, WATCH_INTERVAL_MS) < 0)
            continue; /* EINTR: the next turn sees the signal */
        if (fds[0].revents & POLLIN)
            return read(signal_fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
        if (fds[1].revents & POLLIN)
            return false;
        http_watch(d->http);
        service_watch(&d->service);
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
    if (left == 0) /* supervisors that signal both the process and its group signal twice */
        return;
    log_start(&line, LOG_LEVEL_WARN, again ? "second signal" : "drain timeout");
    log_integer(&line, "in_flight", (int64_t)left);
    log_end(&line);
    _exit(EXIT_FAILURE);
}

static bool start(struct daemon *d)
{
    struct asr_error err;

    d->load_failed_fd = eventfd(0, EFD_CLOEXEC);
    if (d->load_failed_fd < 0 || !open_signals()) {
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
    return status;
}
