/* bench_network - audio seconds per CPU second of the acoustic network alone (normalisation to
 * log-softmax), shipped model, one thread, utterances of 10 s. One JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
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

static enum asr_status load(struct network **net, struct asr_error *err)
{
    struct model_config *config = NULL;
    struct safetensors *tensors = NULL;
    enum asr_status st = model_config_load(&config, "model/en/config.json", err);
    if (st == ASR_OK)
        st = safetensors_open(&tensors, "model/en/model.safetensors", err);
    if (st == ASR_OK)
        st = network_load(net, config, tensors, err);
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

static enum asr_status measure(const struct network *net, size_t count, const float *features,
                               float *logits, struct asr_error *err)
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
        printf("{\"bench\": \"network\", \"batch\": %zu, \"utterance_seconds\": %g, "
               "\"audio_seconds_per_cpu_second\": %.1f}\n",
               count, UTTERANCE_SECONDS, (double)count * UTTERANCE_SECONDS / best);
    network_work_free(work);
    return st;
}

int main(void)
{
    static const size_t counts[] = {1, 4, MAX_BATCH};
    struct asr_error err = {ASR_OK, ""};
    struct network *net = NULL;
    float *features = NULL, *logits = NULL;
    enum asr_status st = load(&net, &err);

    if (st == ASR_OK) {
        size_t frames = (size_t)MAX_BATCH * UTTERANCE_FRAMES;
        features = make_features(frames * network_in_width(net));
        logits = malloc(network_out_frames(net, frames) * network_out_width(net) * sizeof(*logits));
        if (!features || !logits)
            st = asr_fail(&err, ASR_ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; st == ASR_OK && i < COUNT(counts); i++)
        st = measure(net, counts[i], features, logits, &err);
    if (st != ASR_OK)
        fprintf(stderr, "bench_network: %s\n", err.text);
    free(features);
    free(logits);
    network_free(net);
    return st == ASR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
