/* main.c - finds the command and hands it its options. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/lm.h"
#include "server/options.h"
#include "server/serve.h"
#include "server/transcribe.h"
#include "server/version.h"

enum { EXIT_USAGE = 2 };

static int run_transcribe(const struct options *options, int argc, char **argv)
{
    return transcribe_files(options, argv + options->first_operand,
                            (size_t)(argc - options->first_operand));
}

static int run_serve(const struct options *options, int argc, char **argv)
{
    if (options->first_operand < argc) {
        fprintf(stderr, "scribed: serve takes options only, not '%s'\n",
                argv[options->first_operand]);
        return EXIT_USAGE;
    }
    return serve(options);
}

static const struct {
    const char *name, *usage;
    enum command command;
    int (*run)(const struct options *options, int argc, char **argv);
} commands[] = {
    {"serve", "scribed serve [OPTION...]", COMMAND_SERVE, run_serve},
    {"transcribe", "scribed transcribe [OPTION...] FILE...", COMMAND_TRANSCRIBE, run_transcribe},
};

static void print_usage(FILE *to)
{
    fputs("usage: scribed COMMAND [OPTION...]\n"
          "  serve               answer requests over HTTP\n"
          "  transcribe FILE...  transcribe recordings; - is standard input\n"
          "  lm                  compile, describe and try language models\n"
          "  version             what this program was built with\n"
          "scribed COMMAND --help tells a command's options; scribed(1) all of them.\n",
          to);
}

/* argv[0] is the command's name. */
static int run_command(size_t which, int argc, char **argv)
{
    struct options options;
    struct asr_error err;
    bool help;
    int exit_status = EXIT_SUCCESS;

    if (options_load(&options, commands[which].command, argc - 1, argv + 1,
                     &option_sources_of_process, &help, &err) != ASR_OK) {
        fprintf(stderr, "scribed: %s\nscribed %s --help tells the options.\n", err.text,
                commands[which].name);
        return err.status == ASR_ERR_NOMEM ? EXIT_FAILURE : EXIT_USAGE;
    }
    if (help) {
        printf("usage: %s\n", commands[which].usage);
        options_print_help(stdout, commands[which].command);
    } else {
        exit_status = commands[which].run(&options, argc - 1, argv + 1);
    }
    options_free(&options);
    return exit_status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(name, commands[i].name) == 0)
            return run_command(i, argc - 1, argv + 1);
    if (strcmp(name, "lm") == 0)
        return lm_command(argc - 1, argv + 1);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        version_print(stdout);
        return EXIT_SUCCESS;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (*name)
        fprintf(stderr, "scribed: no such command: %s\n", name);
    print_usage(stderr);
    return EXIT_USAGE;
}
