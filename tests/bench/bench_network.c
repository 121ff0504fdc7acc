/* bench_network - audio seconds per CPU second of the acoustic network alone (normalisation to
 * log-softmax), shipped model, one thread, utterances of 10 s, with every kernel that this machine
 * has. One JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/count.h"
#include "model/log_softmax.h"
#include "model/network.h"

enum { UTTERANCE_FRAMES = 998, MAX_BATCH = 16, MIN_RUNS = 3 };

static const double UTTERANCE_SECONDS = 10, MIN_CPU_SECONDS = 1;

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum asr_status load(struct network **net, const struct kernel *kernel,
                            struct asr_error *err)
{
    struct model_config *config = NULL;
    struct safetensors *tensors = NULL;
    enum asr_status st = model_config_load(&config, "model/en/config.json", err);
    if (st == ASR_OK)
        st = safetensors_open(&tensors, "model/en/model.safetensors", err);
    if (st == ASR_OK)
        st = network_load(net, config, tensors, kernel, err);
    safetensors_close(tensors);
    model_config_free(config);
    return st;
}

/* Noise: the arithmetic does not depend on the values, as long as gates do not all saturate. */
static float *make_features(size_t count)
{
    float *values = malloc(count * sizeof(*values));
    unsigned seed = 1;
    for (size_t i = 0; values && i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = 8 + 6 * (float)(seed >> 8) * 0x1p-24F;
    }
    return values;
}

static enum asr_status measure(const struct network *net, const char *kernel, size_t count,
                               const float *features, float *logits, struct asr_error *err)
{
    size_t lengths[MAX_BATCH], rows = count * network_out_frames(net, UTTERANCE_FRAMES);
    struct batch batch = {count, lengths};
    struct network_work *work = NULL;
    double best = 0, total = 0;

    for (size_t u = 0; u < count; u++)
        lengths[u] = UTTERANCE_FRAMES;
    enum asr_status st = network_work_new(&work, net, count, err);
    if (st == ASR_OK)
        st = network_reserve(work, net, &batch, err);
    for (int run = 0; st == ASR_OK && (run < MIN_RUNS || total < MIN_CPU_SECONDS); run++) {
        double start = cpu_seconds();
        network_forward(net, work, &batch, features, logits);
        log_softmax(logits, rows, network_out_width(net));
        double taken = cpu_seconds() - start;
        total += taken;
        best = run == 0 || taken < best ? taken : best;
    }
    if (st == ASR_OK)
        printf("{\"bench\": \"network\", \"kernel\": \"%s\", \"batch\": %zu, "
               "\"utterance_seconds\": %g, "
               "\"audio_seconds_per_cpu_second\": %.1f}\n",
               kernel, count, UTTERANCE_SECONDS, (double)count * UTTERANCE_SECONDS / best);
    network_work_free(work);
    return st;
}

static enum asr_status measure_kernel(const struct kernel *kernel, struct asr_error *err)
{
    static const size_t counts[] = {1, 2, 4, 8, MAX_BATCH};
    size_t frames = (size_t)MAX_BATCH * UTTERANCE_FRAMES;
    struct network *net = NULL;
    float *features = NULL, *logits = NULL;
    enum asr_status st = load(&net, kernel, err);

    if (st == ASR_OK) {
        features = make_features(frames * network_in_width(net));
        logits = malloc(network_out_frames(net, frames) * network_out_width(net) * sizeof(*logits));
        if (!features || !logits)
            st = asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    }
    /* Plain C takes one row at a time: a larger batch would only take longer. */
    size_t n_counts = strncmp(kernel->name, "portable", 8) == 0 ? 1 : COUNT(counts);
    for (size_t i = 0; st == ASR_OK && i < n_counts; i++)
        st = measure(net, kernel->name, counts[i], features, logits, err);
    free(features);
    free(logits);
    network_free(net);
    return st;
}

int main(void)
{
    struct asr_error err = {ASR_OK, ""};
    enum asr_status st = ASR_OK;

    for (size_t i = 0; st == ASR_OK && i < n_kernels; i++)
        if (kernels[i]->usable())
            st = measure_kernel(kernels[i], &err);
    if (st != ASR_OK)
        fprintf(stderr, "bench_network: %s\n", err.text);
    return st == ASR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
