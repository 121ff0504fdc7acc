/* options.h - every setting of scribed, from one table.
 *
 * A row of the table gives an option its flag (--max-rate), and with it the environment variable
 * (SCRIBED_MAX_RATE) and the key of the config file (max-rate), its type, bounds and default, and
 * its line of --help. Precedence: flag, then environment, then config file, then default. All of
 * them are checked, also where a stronger source overrides them.
 *
 * The config file (server/config_file.h) is the one of --config or SCRIBED_CONFIG, else
 * /etc/scribed/scribed.conf if that exists. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "audio/status.h"
#include "model/model.h"
#include "server/log.h"

enum option_output { OUTPUT_TEXT, OUTPUT_TSV, OUTPUT_JSON, OUTPUT_SRT, OUTPUT_VTT };

/* Commands, as bits: which of them an option is for. */
enum command { COMMAND_SERVE = 1, COMMAND_TRANSCRIBE = 2 };

/* Texts are owned: options_free(). All zero is empty. */
struct options {
    char *config;
    char *model;
    int64_t threads;
    int64_t batch_size;
    int64_t precision; /* enum precision */
    char *kernel;      /* "": the fastest */
    int64_t decoder;   /* enum decoder_kind */
    int64_t beam;      /* 0: the model's own */
    double piece_seconds;
    double max_duration_seconds;
    int64_t max_rate_hz, max_channels;
    int64_t log_format; /* enum log_format */
    int64_t log_level;  /* enum log_level */

    /* serve */
    char *bind;
    int64_t port;
    char *model_alias; /* comma-separated, may be "" */
    int64_t queue;
    int64_t batch_wait_ms;
    int64_t max_body_bytes;
    int64_t max_connections;
    int64_t keep_bytes; /* 0: nothing is kept */
    double keep_seconds;
    double body_timeout_seconds, idle_timeout_seconds, request_timeout_seconds;
    double drain_timeout_seconds;

    /* transcribe */
    int64_t format; /* enum option_output */
    char *encoding; /* "" unless headerless */
    int64_t sample_rate_hz, channels;
    char *channel; /* "mix" or a 0-based number */
    char *phrases; /* a file, "" for none */

    int first_operand; /* index into argv; argc when there is none */
};

/* Where an option may come from besides the flags; tests give their own. */
struct option_sources {
    const char *(*getenv)(const char *name);
    const char *default_config; /* read if it exists */
};
extern const struct option_sources option_sources_of_process;

/* `command` is one of enum command; argv[0] is its first argument. Options and operands may be
 * mixed: operands are moved behind the options (argv is permuted), and "--" ends the options.
 * *help is set, and nothing else is done, for --help and -h. ASR_ERR_INVALID names the flag,
 * the variable, or the file, line and key. On failure *out is empty. */
enum asr_status options_load(struct options *out, enum command command, int argc, char **argv,
                             const struct option_sources *sources, bool *help,
                             struct asr_error *err);
void options_free(struct options *options);

/* The options of a command, one or more lines each. */
void options_print_help(FILE *to, enum command command);

#endif
