/* bench_acoustic MODEL FEATURES OUT - the acoustic network on orders, so that another process can
 * have its turn between any two of ours. A part of acoustic.sh; by itself it measures nothing.
 *
 * FEATURES: utterances of UTTERANCE_FRAMES frames, float32. First every kernel of this machine is
 * loaded: OUT/KERNEL.f32 is given its logits of the first utterance, standard output the line
 * "KERNEL PRECISION"; then an empty line. After that each line "KERNEL THREADS BATCH RUNS" of
 * standard input is answered with the least processor and wall seconds of RUNS runs, in which
 * every thread takes BATCH utterances through the network at once. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/mapped_file.h"
#include "model/model.h"

enum { UTTERANCE_FRAMES = 998, MAX_BATCH = 64, MAX_THREADS = 64, MAX_KERNELS = 16 };

struct entry {
    const struct kernel *kernel;
    struct model *model;
};

struct program {
    struct entry entries[MAX_KERNELS];
    size_t n_entries;
    const float *features;
    size_t n_utterances;
};

/* What one thread computes with. */
struct lane {
    const struct network *net;
    struct network_work *work;
    const float *features;
    float *logits;
    size_t lengths[MAX_BATCH];
    struct batch batch;
    pthread_t thread;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void lane_close(struct lane *lane)
{
    network_work_free(lane->work);
    free(lane->logits);
}

static enum asr_status lane_open(struct lane *lane, const struct network *net,
                                 const float *features, size_t batch, struct asr_error *err)
{
    size_t rows = batch * network_out_frames(net, UTTERANCE_FRAMES);

    *lane = (struct lane){.net = net, .features = features};
    lane->batch = (struct batch){batch, lane->lengths};
    for (size_t u = 0; u < batch; u++)
        lane->lengths[u] = UTTERANCE_FRAMES;
    lane->logits = malloc(rows * network_out_width(net) * sizeof(*lane->logits));
    if (!lane->logits)
        return asr_fail(err, ASR_ERR_NOMEM, "logits: out of memory");
    enum asr_status st = network_work_new(&lane->work, net, batch, err);
    if (st == ASR_OK)
        st = network_reserve(lane->work, net, &lane->batch, err);
    return st;
}

static void *lane_run(void *argument)
{
    struct lane *lane = argument;
    network_forward(lane->net, lane->work, &lane->batch, lane->features, lane->logits);
    return NULL;
}

/* The first lane is this thread's. */
static enum asr_status run_once(struct lane *lanes, size_t threads, struct asr_error *err)
{
    size_t started = 1;

    while (started < threads &&
           pthread_create(&lanes[started].thread, NULL, lane_run, &lanes[started]) == 0)
        started++;
    lane_run(&lanes[0]);
    for (size_t t = 1; t < started; t++)
        pthread_join(lanes[t].thread, NULL);
    return started == threads ? ASR_OK : asr_fail(err, ASR_ERR_NOMEM, "no thread to be had");
}

static enum asr_status measure(const struct program *p, const struct entry *entry, size_t threads,
                               size_t batch, size_t runs, struct asr_error *err)
{
    static struct lane lanes[MAX_THREADS];
    double least_cpu = 0, least_wall = 0;
    size_t opened = 0;
    enum asr_status st = ASR_OK;

    for (; st == ASR_OK && opened < threads; opened++)
        st = lane_open(&lanes[opened], model_network(entry->model), p->features, batch, err);
    for (size_t run = 0; st == ASR_OK && run < runs; run++) {
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        st = run_once(lanes, threads, err);
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = seconds(CLOCK_MONOTONIC) - wall;
        least_cpu = run == 0 || cpu < least_cpu ? cpu : least_cpu;
        least_wall = run == 0 || wall < least_wall ? wall : least_wall;
    }
    for (size_t t = 0; t < opened; t++)
        lane_close(&lanes[t]);
    if (st == ASR_OK)
        printf("%.6f %.6f\n", least_cpu, least_wall);
    return st;
}

static enum asr_status write_logits(const struct program *p, const struct entry *entry,
                                    const char *out, struct asr_error *err)
{
    const struct network *net = model_network(entry->model);
    size_t values = network_out_frames(net, UTTERANCE_FRAMES) * network_out_width(net);
    struct lane lane;
    char path[4096];
    enum asr_status st = lane_open(&lane, net, p->features, 1, err);

    if (st == ASR_OK) {
        lane_run(&lane);
        snprintf(path, sizeof(path), "%s/%s.f32", out, entry->kernel->name);
        FILE *file = fopen(path, "wb");
        bool whole = file && fwrite(lane.logits, sizeof(float), values, file) == values;
        if ((file && fclose(file) != 0) || !whole)
            st = asr_fail(err, ASR_ERR_IO, "%s: cannot be written", path);
    }
    lane_close(&lane);
    return st;
}

static enum asr_status load(struct program *p, const char *model, const char *out,
                            struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    for (size_t i = 0; st == ASR_OK && i < n_kernels && p->n_entries < MAX_KERNELS; i++) {
        struct model_options options = {kernels[i]->precision, kernels[i]->name};
        struct entry *entry = &p->entries[p->n_entries];
        if (!kernels[i]->usable())
            continue;
        entry->kernel = kernels[i];
        st = model_load(&entry->model, model, &options, err);
        if (st == ASR_OK) {
            p->n_entries++;
            st = write_logits(p, entry, out, err);
        }
        if (st == ASR_OK)
            printf("%s %s\n", entry->kernel->name, precision_name(entry->kernel->precision));
    }
    if (st == ASR_OK)
        printf("\n");
    return st;
}

static enum asr_status obey(const struct program *p, const char *order, struct asr_error *err)
{
    char name[64];
    size_t threads, batch, runs;

    if (sscanf(order, "%63s %zu %zu %zu", name, &threads, &batch, &runs) != 4 || threads < 1 ||
        threads > MAX_THREADS || batch < 1 || batch > MAX_BATCH || batch > p->n_utterances)
        return asr_fail(err, ASR_ERR_INVALID, "not an order: %s", order);
    for (size_t i = 0; i < p->n_entries; i++)
        if (strcmp(p->entries[i].kernel->name, name) == 0)
            return measure(p, &p->entries[i], threads, batch, runs, err);
    return asr_fail(err, ASR_ERR_INVALID, "no kernel of this machine: %s", name);
}

int main(int argc, char **argv)
{
    struct program p = {.n_entries = 0};
    struct mapped_file file;
    struct asr_error err = {ASR_OK, ""};
    char order[256];

    if (argc != 4)
        return EXIT_SUCCESS;
    setvbuf(stdout, NULL, _IOLBF, 0);
    enum asr_status st = mapped_file_open(&file, argv[2], &err);
    p.features = (const void *)file.bytes;
    if (st == ASR_OK)
        st = load(&p, argv[1], argv[3], &err);
    if (st == ASR_OK)
        p.n_utterances = file.n_bytes / sizeof(float) / UTTERANCE_FRAMES /
                         network_in_width(model_network(p.entries[0].model));
    while (st == ASR_OK && fgets(order, sizeof(order), stdin))
        st = obey(&p, order, &err);
    for (size_t i = 0; i < p.n_entries; i++)
        model_free(p.entries[i].model);
    mapped_file_close(&file);
    if (st != ASR_OK)
        fprintf(stderr, "bench_acoustic: %s\n", err.text);
    return st == ASR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
