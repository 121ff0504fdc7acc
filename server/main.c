/* main.c - finds the command and runs it. Exit status: 0, 1 when something failed (said on standard
 * error), 2 for a command line that makes no sense. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/count.h"
#include "model/gemm.h"
#include "server/lm.h"
#include "server/log.h"
#include "server/options.h"
#include "server/serve.h"
#include "server/transcribe.h"
#include "server/version.h"

enum { EXIT_USAGE = 2 };

static void print_usage(FILE *to)
{
    fputs("usage: scribed serve [OPTION]...             serve speech recognition over HTTP\n"
          "       scribed transcribe [OPTION]... FILE... recognise files; - is standard input\n"
          "       scribed lm build|info|score ...        language models (scribed lm help)\n"
          "       scribed version                        versions of scribed and its libraries\n"
          "       scribed help                           this text and all options\n",
          to);
}

static int complain(const char *text)
{
    fprintf(stderr, "scribed: %s\n", text);
    return EXIT_USAGE;
}

/* OpenBLAS picks its kernels as it is loaded, before main(), and releases that do not know a
 * processor may pick ones that compute wrong products on it. Those for Haswell run wherever there
 * are AVX2 and FMA. So if the products are wrong, and nobody has chosen kernels, we start over with
 * these; should that not help, loading the model says what is wrong. */
static void restart_if_products_are_wrong(char **argv)
{
#if defined(__x86_64__)
    if (getenv("OPENBLAS_CORETYPE") || !__builtin_cpu_supports("avx2") ||
        !__builtin_cpu_supports("fma") || gemm_prepare(NULL) == ASR_OK)
        return;
    if (setenv("OPENBLAS_CORETYPE", "Haswell", 1) == 0)
        execv("/proc/self/exe", argv);
#else
    (void)argv;
#endif
}

static int run_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_usage(stdout);
    puts("\nOptions of serve:");
    options_print_help(stdout, COMMAND_SERVE);
    puts("\nOptions of transcribe:");
    options_print_help(stdout, COMMAND_TRANSCRIBE);
    return EXIT_SUCCESS;
}

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    version_print(stdout);
    return EXIT_SUCCESS;
}

/* argv[0] is the command. -1: go on with *options. */
static int load_options(struct options *options, enum command command, int argc, char **argv)
{
    struct asr_error err;
    bool help;

    if (options_load(options, command, argc - 1, argv + 1, &option_sources_of_process, &help,
                     &err) != ASR_OK)
        return complain(err.text);
    if (help) {
        print_usage(stdout);
        puts("");
        options_print_help(stdout, command);
        return EXIT_SUCCESS;
    }
    log_setup((enum log_format)options->log_format, (enum log_level)options->log_level);
    return -1;
}

static int run_serve(int argc, char **argv)
{
    struct options options;
    int status = load_options(&options, COMMAND_SERVE, argc, argv);

    if (status >= 0)
        return status;
    status = options.first_operand < argc - 1 ? complain("serve takes no files") : serve(&options);
    options_free(&options);
    return status;
}

static int run_transcribe(int argc, char **argv)
{
    struct options options;
    int status = load_options(&options, COMMAND_TRANSCRIBE, argc, argv);

    if (status >= 0)
        return status;
    int n_files = argc - 1 - options.first_operand;
    status = n_files == 0 ? complain("transcribe needs the name of a file, or - (standard input)")
                          : transcribe(&options, n_files, argv + 1 + options.first_operand);
    options_free(&options);
    return status;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    bool computes;
} commands[] = {
    {"serve", run_serve, true},        {"transcribe", run_transcribe, true},
    {"lm", lm_command, false},         {"version", run_version, false},
    {"--version", run_version, false}, {"help", run_help, false},
    {"--help", run_help, false},       {"-h", run_help, false},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (commands[i].computes)
            restart_if_products_are_wrong(argv);
        return commands[i].run(argc - 1, argv + 1);
    }
    print_usage(stderr);
    return EXIT_USAGE;
}
