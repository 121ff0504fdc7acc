/* bench_decoder [FOLDER [TEXTS]] - the beam search with the shipped language model, one thread:
 * milliseconds of CPU per second of audio at several beam widths, and with 200 and 1,000 phrases.
 *
 * FOLDER holds log-posteriors, one NAME.f32 [frames, tokens] a recording, as decoder_peers.py takes
 * them; without it, the three recordings of tests/data/golden. With TEXTS, each width's answers go
 * to TEXTS.BEAM.tsv, NAME<TAB>text, and what confidence.py reads to TEXTS.BEAM.words: NAME, word,
 * share, mean log-posterior, confidence. One JSON object a line. Settings other than the defaults
 * come from the environment: ALPHA, BETA, UNKNOWN, MARGIN, LEAST (log-posterior), BEAM (that one
 * only).
 */
#include <glob.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/count.h"
#include "model/confidence.h"
#include "model/config.h"
#include "model/ctc_beam.h"
#include "model/fusion.h"
#include "model/log_softmax.h"

enum { MAX_RECORDINGS = 1024, MAX_PATH_BYTES = 512 };

struct recording {
    char name[MAX_PATH_BYTES];
    float *posteriors;
    size_t frames;
};

struct bench {
    struct model_config *config;
    struct ngram *lm;
    struct vocabulary *vocabulary;
    struct recording recordings[MAX_RECORDINGS];
    size_t n_recordings, frames;
};

static const double FRAME_SECONDS = 0.03;

static double setting(const char *name, double otherwise)
{
    const char *value = getenv(name);
    return value ? strtod(value, NULL) : otherwise;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_decoder: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The values from `skip` bytes on to the end of the file. */
static void read_recording(struct bench *b, const char *path, const char *suffix, size_t skip)
{
    struct recording *r = &b->recordings[b->n_recordings];
    const char *slash = strrchr(path, '/');
    FILE *f = fopen(path, "rb");

    if (!f || b->n_recordings == MAX_RECORDINGS)
        die(path);
    snprintf(r->name, sizeof(r->name), "%s", slash ? slash + 1 : path);
    r->name[strlen(r->name) - strlen(suffix)] = '\0';
    fseek(f, 0, SEEK_END);
    size_t count = ((size_t)ftell(f) - skip) / sizeof(float);
    fseek(f, (long)skip, SEEK_SET);
    r->frames = count / b->config->n_tokens;
    r->posteriors = malloc(count * sizeof(float));
    if (!r->posteriors || fread(r->posteriors, sizeof(float), count, f) != count)
        die(path);
    fclose(f);
    log_softmax(r->posteriors, r->frames, b->config->n_tokens);
    b->frames += r->frames;
    b->n_recordings++;
}

static void read_recordings(struct bench *b, const char *folder)
{
    enum { NPY_HEADER_BYTES = 128 };
    char pattern[MAX_PATH_BYTES];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/*%s", folder ? folder : "tests/data/golden",
             folder ? ".f32" : ".logits.npy");
    if (glob(pattern, 0, NULL, &found) != 0)
        die(pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_recording(b, found.gl_pathv[i], folder ? ".f32" : ".logits.npy",
                       folder ? 0 : NPY_HEADER_BYTES);
    globfree(&found);
}

static void write_text(FILE *out, const struct bench *b, const struct recording *r,
                       const struct hypothesis *h)
{
    fprintf(out, "%s\t", r->name);
    for (size_t i = 0; i < h->n_tokens; i++)
        fputs(b->config->tokens[h->tokens[i].token], out);
    fputc('\n', out);
}

static void write_words(FILE *out, const struct bench *b, const struct recording *r,
                        const struct hypothesis *h, const struct word_confidence *words)
{
    bool inside = false;

    for (size_t i = 0; i <= h->n_tokens; i++) {
        bool letter = i < h->n_tokens && h->tokens[i].token != b->config->word_separator;
        if (letter)
            fprintf(out, "%s%s%s", inside ? "" : r->name, inside ? "" : "\t",
                    b->config->tokens[h->tokens[i].token]);
        else if (inside) {
            fprintf(out, "\t%.9f\t%.6f\t%.6f\n", words->share, words->mean_log_posterior,
                    words->confidence);
            words++;
        }
        inside = letter;
    }
}

/* Where answers go; all NULL: nowhere, and no confidence is computed. */
struct answers {
    FILE *texts, *words;
};

static void give_answer(const struct bench *b, const struct recording *r,
                        const struct fusion *fusion, struct confidence *confidence,
                        const struct hypothesis *best, const struct answers *out)
{
    const struct confidence_problem problem = {r->posteriors, r->frames, best,
                                               (uint32_t)b->config->word_separator, fusion};
    const struct word_confidence *words;
    size_t n_words;

    if (confidence_words(confidence, &problem, &b->config->confidence, &words, &n_words, NULL) !=
        ASR_OK)
        die("out of memory");
    write_text(out->texts, b, r, best);
    write_words(out->words, b, r, best, words);
}

/* All recordings, once; CPU milliseconds per second of audio. */
static double decode_all(const struct bench *b, const struct fusion *fusion, struct ctc_beam *beam,
                         struct confidence *confidence, const struct answers *out)
{
    struct hypothesis best = {0};
    double start = cpu_seconds();
    size_t found;

    for (size_t i = 0; i < b->n_recordings; i++) {
        const struct recording *r = &b->recordings[i];
        ctc_beam_start(beam);
        if (ctc_beam_step(beam, r->posteriors, r->frames, NULL) != ASR_OK ||
            ctc_beam_finish(beam, &best, 1, &found, NULL) != ASR_OK)
            die("out of memory");
        if (out->texts)
            give_answer(b, r, fusion, confidence, &best, out);
    }
    hypothesis_free(&best);
    return 1000.0 * (cpu_seconds() - start) / ((double)b->frames * FRAME_SECONDS);
}

static char phrase_texts[PHRASES_MAX][PHRASE_MAX_BYTES];

/* Two words each, evenly from the vocabulary. */
static size_t invent_phrases(const struct bench *b, size_t n)
{
    uint32_t words = ngram_words(b->lm);

    for (size_t i = 0; i < n; i++) {
        uint32_t first = (uint32_t)(i * 7919 % words), second = (uint32_t)(i * 104729 % words);
        snprintf(phrase_texts[i], PHRASE_MAX_BYTES, "%.60s %.60s", ngram_text(b->lm, first, NULL),
                 ngram_text(b->lm, second, NULL));
    }
    return n;
}

static size_t read_phrases(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (!f)
        die(path);
    while (n < PHRASES_MAX && fgets(phrase_texts[n], PHRASE_MAX_BYTES, f))
        n++;
    fclose(f);
    return n;
}

/* NULL when there are none. */
static struct phrases *some_phrases(const struct bench *b, size_t n_invented)
{
    static struct phrase list[PHRASES_MAX];
    const char *path = getenv("PHRASES");
    struct phrases *phrases;
    size_t n = path ? read_phrases(path) : invent_phrases(b, n_invented);

    if (n == 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        list[i] = (struct phrase){phrase_texts[i], setting("WEIGHT", 4.0)};
    if (phrases_new(&phrases, b->config, list, n, NULL) != ASR_OK)
        die("phrases");
    return phrases;
}

static FILE *open_answers(const char *texts, size_t width, const char *suffix)
{
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof(path), "%s.%zu.%s", texts, width, suffix);
    FILE *f = fopen(path, "w");
    if (!f)
        die(path);
    return f;
}

static void run(const struct bench *b, size_t width, size_t n_phrases, const char *texts)
{
    struct ctc_beam_config config = ctc_beam_defaults;
    struct phrases *phrases = some_phrases(b, n_phrases);
    struct fusion fusion = {
        .config = b->config,
        .lm = b->lm,
        .vocabulary = b->vocabulary,
        .phrases = phrases,
        .alpha = setting("ALPHA", b->config->alpha),
        .beta = setting("BETA", b->config->beta),
        .unknown_penalty = setting("UNKNOWN", b->config->unknown_penalty),
        .score_sentence_end = true,
    };
    struct ctc_beam *beam;
    struct confidence *confidence;
    struct answers out = {NULL, NULL};
    double best = INFINITY;

    config.beam_width = width;
    config.score_margin = (float)setting("MARGIN", (double)config.score_margin);
    config.min_log_posterior = (float)setting("LEAST", (double)config.min_log_posterior);
    if (ctc_beam_new(&beam, b->config->n_tokens, b->config->blank, &config, NULL) != ASR_OK ||
        confidence_new(&confidence, b->config->n_tokens, b->config->blank, &confidence_search,
                       NULL) != ASR_OK)
        die("settings");
    ctc_beam_fuse(beam, &fusion);
    for (int i = 0; i < (int)setting("RUNS", 3.0); i++) {
        double ms = decode_all(b, &fusion, beam, confidence, &(struct answers){NULL, NULL});
        best = ms < best ? ms : best;
    }
    if (texts && !n_phrases) {
        out.texts = open_answers(texts, width, "tsv");
        out.words = open_answers(texts, width, "words");
        decode_all(b, &fusion, beam, confidence, &out);
        fclose(out.texts);
        fclose(out.words);
    }
    printf("{\"bench\":\"decoder\",\"beam\":%zu,\"phrases\":%zu,\"audio_seconds\":%.1f,"
           "\"ms_per_audio_second\":%.4f}\n",
           width, n_phrases, (double)b->frames * FRAME_SECONDS, best);
    fflush(stdout);
    confidence_free(confidence);
    ctc_beam_free(beam);
    phrases_free(phrases);
}

int main(int argc, char **argv)
{
    static const size_t widths[] = {16, 64, 128, 512};
    static const size_t phrases[] = {200, 1000};
    static struct bench b;
    struct asr_error err;
    size_t only = (size_t)setting("BEAM", 0.0);

    if (model_config_load(&b.config, "model/en/config.json", &err) != ASR_OK ||
        ngram_open(&b.lm, "model/en/lm.ngram", &err) != ASR_OK ||
        vocabulary_new(&b.vocabulary, b.lm, &err) != ASR_OK)
        die(err.text);
    read_recordings(&b, argc > 1 ? argv[1] : NULL);
    for (size_t i = 0; i < COUNT(widths); i++)
        if (!only || only == widths[i])
            run(&b, widths[i], 0, argc > 2 ? argv[2] : NULL);
    for (size_t i = 0; i < COUNT(phrases); i++)
        run(&b, only ? only : 64, phrases[i], NULL);
    for (size_t i = 0; i < b.n_recordings; i++)
        free(b.recordings[i].posteriors);
    vocabulary_free(b.vocabulary);
    ngram_close(b.lm);
    model_config_free(b.config);
    return EXIT_SUCCESS;
}
