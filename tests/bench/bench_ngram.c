/* bench_ngram - the shipped language model: time to open it, and nanoseconds a query, one thread.
 *
 * "text" scores LibriSpeech sentences word after word (the records stay in cache); "scattered" asks
 * for a random word after a random bigram context, which is where long runs of children are
 * searched and caches miss. One JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/ngram.h"

enum { MAX_WORDS = 4096, CONTEXTS = 1 << 18, MIN_RUNS = 5 };

static const char model_path[] = "model/en/lm.ngram";
static const char text_path[] = "tests/data/ngram/en.tsv";
static const double MIN_CPU_SECONDS = 0.5;

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* words[*count] of all sentences, each ended by </s>. */
static enum asr_status read_text(const struct ngram *lm, uint32_t *words, size_t *count,
                                 struct asr_error *err)
{
    char line[8192];
    FILE *file = fopen(text_path, "r");

    if (!file)
        return asr_fail(err, ASR_ERR_IO, "%s: cannot open", text_path);
    *count = 0;
    while (fgets(line, sizeof(line), file)) {
        char *rest = NULL;
        line[strcspn(line, "\t")] = '\0';
        for (char *word = strtok_r(line, " ", &rest); word && *count < MAX_WORDS - 1;
             word = strtok_r(NULL, " ", &rest))
            words[(*count)++] = ngram_find(lm, word, strlen(word));
        words[(*count)++] = ngram_eos(lm);
    }
    fclose(file);
    return ASR_OK;
}

static double score_text(const struct ngram *lm, const uint32_t *words, size_t count)
{
    struct ngram_state state = ngram_start(lm);
    double total = 0;

    for (size_t i = 0; i < count; i++) {
        total += ngram_score(lm, state, words[i], &state).log10_probability;
        if (words[i] == ngram_eos(lm))
            state = ngram_start(lm);
    }
    return total;
}

static double score_scattered(const struct ngram *lm, const struct ngram_state *contexts,
                              const uint32_t *words)
{
    struct ngram_state after;
    double total = 0;

    for (size_t i = 0; i < CONTEXTS; i++)
        total += ngram_score(lm, contexts[i], words[i], &after).log10_probability;
    return total;
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(*seed >> 33);
}

/* Contexts as text has them: what follows two words drawn from it. */
static void draw_contexts(const struct ngram *lm, const uint32_t *text, size_t count,
                          struct ngram_state *contexts, uint32_t *words)
{
    uint64_t seed = 1;

    for (size_t i = 0; i < CONTEXTS; i++) {
        struct ngram_state state = {0};
        ngram_score(lm, state, text[next_random(&seed) % count], &state);
        ngram_score(lm, state, next_random(&seed) % ngram_words(lm), &state);
        ngram_score(lm, state, text[next_random(&seed) % count], &contexts[i]);
        words[i] = next_random(&seed) % ngram_words(lm);
    }
}

static void report(const char *name, double best_seconds, size_t queries, double total)
{
    printf("{\"bench\": \"ngram\", \"case\": \"%s\", \"ns_per_query\": %.1f, "
           "\"log10_per_query\": %.4f}\n",
           name, 1e9 * best_seconds / (double)queries, total / (double)queries);
}

static enum asr_status measure_queries(const struct ngram *lm, struct asr_error *err)
{
    uint32_t text[MAX_WORDS];
    size_t count = 0;
    struct ngram_state *contexts = malloc(CONTEXTS * sizeof(*contexts));
    uint32_t *words = malloc(CONTEXTS * sizeof(*words));
    enum asr_status st = read_text(lm, text, &count, err);

    if (!contexts || !words)
        st = asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    if (st == ASR_OK)
        draw_contexts(lm, text, count, contexts, words);
    for (int scattered = 0; st == ASR_OK && scattered < 2; scattered++) {
        double best = 0, spent = 0, total = 0;
        for (int run = 0; run < MIN_RUNS || spent < MIN_CPU_SECONDS; run++) {
            double start = cpu_seconds();
            total = scattered ? score_scattered(lm, contexts, words) : score_text(lm, text, count);
            double taken = cpu_seconds() - start;
            spent += taken;
            best = run == 0 || taken < best ? taken : best;
        }
        report(scattered ? "scattered" : "text", best, scattered ? CONTEXTS : count, total);
    }
    free(contexts);
    free(words);
    return st;
}

int main(void)
{
    struct asr_error err = {0};
    struct ngram_info info;
    struct ngram *lm;
    double start = cpu_seconds();
    enum asr_status st = ngram_open(&lm, model_path, &err);

    if (st == ASR_OK) {
        ngram_info(lm, &info);
        printf("{\"bench\": \"ngram\", \"case\": \"open\", \"ms\": %.1f, \"file_bytes\": %llu}\n",
               1e3 * (cpu_seconds() - start), (unsigned long long)info.file_bytes);
        st = measure_queries(lm, &err);
    }
    if (st != ASR_OK)
        fprintf(stderr, "bench_ngram: %s\n", err.text);
    ngram_close(lm);
    return st == ASR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
