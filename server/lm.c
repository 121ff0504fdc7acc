#include "server/lm.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/count.h"
#include "model/ngram.h"
#include "model/ngram_build.h"

enum { EXIT_USAGE = 2 };

static int usage(FILE *out, int code)
{
    fputs(
        "usage: scribed lm build [--bits N] [--unk LOG10] IN.arpa[.gz] OUT.ngram\n"
        "       scribed lm info FILE.ngram\n"
        "       scribed lm score FILE.ngram [TEXT]\n"
        "\n"
        "build compiles an ARPA language model of order 1 to 6 (as SRILM, KenLM or IRSTLM write\n"
        "it) into the form that a model directory holds.\n"
        "  --bits N      bits of a probability or back-off weight: 2 to 16, or 32 for all of a\n"
        "                float; 8 unless given\n"
        "  --unk LOG10   log10 probability of unknown words if the ARPA file has no <unk>;\n"
        "                -100 unless given\n"
        "info prints what a compiled model holds.\n"
        "score prints the log10 probability of every sentence in TEXT (standard input unless\n"
        "given), one a line, and of its words as word=number, order of the n-gram found, log10.\n",
        out);
    return code;
}

static int fail(const struct asr_error *err)
{
    fprintf(stderr, "scribed lm: %s\n", err->text);
    return EXIT_FAILURE;
}

/* What standard output could not take is a failure too, e.g. on a full disk. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    fprintf(stderr, "scribed lm: standard output: %s\n", strerror(errno));
    return EXIT_FAILURE;
}

/* ---- build ---------------------------------------------------------------------------------- */

static void show_progress(void *ctx, const char *stage, double done)
{
    (void)ctx;
    fprintf(stderr, "\r%-10s %3.0f %%", stage, 100 * done);
}

static bool parse_build_options(int argc, char **argv, struct ngram_build_options *options)
{
    static const struct option known[] = {
        {"bits", required_argument, NULL, 'b'}, {"unk", required_argument, NULL, 'u'}, {0}};
    int option;

    optind = 0; /* start over: another command line was parsed before */
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        char *end = NULL;
        if (option == 'b') {
            unsigned long bits = strtoul(optarg, &end, 10);
            options->bits = bits < UINT_MAX ? (unsigned)bits : UINT_MAX;
        } else if (option == 'u') {
            options->unk_log10 = strtof(optarg, &end);
        } else {
            return false;
        }
        if (end == optarg || *end != '\0') {
            fprintf(stderr, "scribed lm: not a number: %s\n", optarg);
            return false;
        }
    }
    return true;
}

static int build(int argc, char **argv)
{
    struct ngram_build_options options = ngram_build_defaults;
    const bool terminal = isatty(STDERR_FILENO);
    struct asr_error err;

    if (!parse_build_options(argc, argv, &options) || argc - optind != 2)
        return usage(stderr, EXIT_USAGE);
    if (terminal)
        options.progress = show_progress;
    enum asr_status st = ngram_build_file(argv[optind], argv[optind + 1], &options, &err);
    if (terminal)
        fputs("\r                 \r", stderr);
    return st == ASR_OK ? EXIT_SUCCESS : fail(&err);
}

/* ---- info ----------------------------------------------------------------------------------- */

static int info(int argc, char **argv)
{
    struct asr_error err;
    struct ngram_info what;
    struct ngram *lm;

    if (argc != 2)
        return usage(stderr, EXIT_USAGE);
    if (ngram_open(&lm, argv[1], &err) != ASR_OK)
        return fail(&err);
    ngram_info(lm, &what);
    printf("order\t%u\n", what.order);
    for (unsigned k = 0; k < what.order; k++) {
        printf("%u-grams\t%llu\tprobability %u bits", k + 1, (unsigned long long)what.ngrams[k],
               what.probability_bits[k]);
        if (k + 1 < what.order)
            printf(", back-off %u bits", what.backoff_bits[k]);
        putchar('\n');
    }
    printf("contexts added\t%llu\n", (unsigned long long)what.contexts_added);
    printf("<unk>\t%s, log10 %g\n", what.unk_given ? "from the ARPA file" : "added",
           (double)ngram_unigram(lm, ngram_unk(lm)));
    printf("bytes\t%llu\nchecksum\t%08x\n", (unsigned long long)what.file_bytes, what.checksum);
    ngram_close(lm);
    return finish_output();
}

/* ---- score ---------------------------------------------------------------------------------- */

/* Sums of log10 probabilities, </s> included, and how many words they are of. */
struct totals {
    double log10_all, log10_known;
    unsigned long long words, unknown;
};

static void score_word(const struct ngram *lm, const char *text, int n_bytes, uint32_t word,
                       struct ngram_state *state, struct totals *totals)
{
    struct ngram_score score = ngram_score(lm, *state, word, state);
    bool unknown = word == ngram_unk(lm);

    printf("%.*s=%u %u %.7g\t", n_bytes, text, word, score.matched,
           (double)score.log10_probability);
    totals->log10_all += score.log10_probability;
    totals->log10_known += unknown ? 0 : score.log10_probability;
    totals->words++;
    totals->unknown += unknown;
}

static void score_sentence(const struct ngram *lm, const char *line, struct totals *totals)
{
    static const char blanks[] = " \t\r\n\v\f";
    const struct totals before = *totals;
    struct ngram_state state = ngram_start(lm);
    size_t n_bytes;

    for (line += strspn(line, blanks); *line; line += strspn(line, blanks)) {
        n_bytes = strcspn(line, blanks);
        score_word(lm, line, (int)n_bytes, ngram_find(lm, line, n_bytes), &state, totals);
        line += n_bytes;
    }
    const char *end = ngram_text(lm, ngram_eos(lm), &n_bytes);
    score_word(lm, end, (int)n_bytes, ngram_eos(lm), &state, totals);
    printf("Total: %.7g OOV: %llu\n", totals->log10_all - before.log10_all,
           totals->unknown - before.unknown);
}

static int score_text(const struct ngram *lm, FILE *text, const char *name)
{
    struct totals totals = {0};
    char *line = NULL;
    size_t capacity = 0;

    errno = 0;
    while (getline(&line, &capacity, text) != -1)
        score_sentence(lm, line, &totals);
    free(line);
    if (!feof(text)) {
        fprintf(stderr, "scribed lm: %s: %s\n", name, strerror(errno));
        return EXIT_FAILURE;
    }
    if (totals.words > 0) {
        unsigned long long known = totals.words - totals.unknown; /* </s> is always known */
        printf("Perplexity including OOVs:\t%.10g\nPerplexity excluding OOVs:\t%.10g\n",
               pow(10, -totals.log10_all / (double)totals.words),
               pow(10, -totals.log10_known / (double)known));
    }
    printf("OOVs:\t%llu\nTokens:\t%llu\n", totals.unknown, totals.words);
    return finish_output();
}

static int score(int argc, char **argv)
{
    struct asr_error err;
    struct ngram *lm;

    if (argc < 2 || argc > 3)
        return usage(stderr, EXIT_USAGE);
    bool from_file = argc == 3 && strcmp(argv[2], "-") != 0;
    FILE *text = from_file ? fopen(argv[2], "r") : stdin;
    if (!text) {
        fprintf(stderr, "scribed lm: %s: %s\n", argv[2], strerror(errno));
        return EXIT_FAILURE;
    }
    int code = ngram_open(&lm, argv[1], &err) == ASR_OK
                   ? score_text(lm, text, from_file ? argv[2] : "standard input")
                   : fail(&err);
    ngram_close(lm);
    if (from_file)
        fclose(text);
    return code;
}

int lm_command(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"build", build}, {"info", info}, {"score", score}};

    for (int i = 1; i < argc && i < 3; i++) /* after lm, or after its subcommand */
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout, EXIT_SUCCESS);
    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return usage(stderr, EXIT_USAGE);
}
