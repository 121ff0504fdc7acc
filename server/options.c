/* options.c - see options.h.
 *
 * One table, walked for every purpose. Values are applied from the weakest source to the strongest
 * (default, config file, environment, flags), each with the words that an error about it begins
 * with ("--port", "SCRIBED_PORT", "/etc/scribed/scribed.conf:3: port"), so that there is one place
 * that parses and one that refuses. */
#include "server/options.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/count.h"
#include "server/batch.h"
#include "server/config_file.h"

enum type { TEXT, COUNT, BYTES, SECONDS, CHOICE };
enum { BOTH = COMMAND_SERVE | COMMAND_TRANSCRIBE };

struct row {
    const char *flag; /* without the dashes; the config file's key */
    enum type type;
    unsigned commands; /* enum command, or'ed */
    size_t offset;     /* into struct options: char *, int64_t, int64_t, double, int64_t */
    const char *fallback;
    double min, max;     /* of numbers */
    const char *metavar; /* or, of CHOICE, the choices in the order of their enum: "a|b" */
    const char *help;
};

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
    {"config", TEXT, BOTH, AT(config), "", 0, 0, "FILE",
     "settings, one `key = value` a line (/etc/scribed/scribed.conf if it exists)"},
    {"model", TEXT, BOTH, AT(model), SCRIBED_PREFIX "/share/scribed/en", 0, 0, "DIR",
     "the model's directory"},
    {"threads", COUNT, BOTH, AT(threads), "0", 0, 1024, "N",
     "threads that compute; 0: one per processor"},
    {"batch-size", COUNT, BOTH, AT(batch_size), "16", 1, BATCH_MAX, "N",
     "most recordings that go through the network together; 1: each by itself"},
    {"precision", CHOICE, BOTH, AT(precision), "auto", 0, 0, "auto|f32|bf16|int8",
     "of the network's arithmetic; auto: the fastest that the model was found as good with"},
    {"kernel", TEXT, BOTH, AT(kernel), "", 0, 0, "NAME",
     "force one implementation of it, for tests and bug reports (see scribed version)"},
    {"decoder", CHOICE, BOTH, AT(decoder), "beam", 0, 0, "beam|greedy",
     "prefix beam search, or the best token of every frame"},
    {"beam", COUNT, BOTH, AT(beam), "0", 0, 4096, "N", "beam width; 0: the model's own"},
    {"piece", SECONDS, BOTH, AT(piece_seconds), "20", 5, 3600, "SECONDS",
     "longer recordings are cut in their pauses into pieces of at most this"},
    {"max-duration", SECONDS, BOTH, AT(max_duration_seconds), "14400", 1, 86400, "SECONDS",
     "longest recording that is accepted"},
    {"max-rate", COUNT, BOTH, AT(max_rate_hz), "192000", 8000, 10000000, "HZ",
     "highest sample rate that is accepted"},
    {"max-channels", COUNT, BOTH, AT(max_channels), "8", 1, 256, "N",
     "most channels that are accepted"},
    {"log-format", CHOICE, COMMAND_SERVE, AT(log_format), "logfmt", 0, 0, "logfmt|json",
     "how log lines on standard error are written"},
    {"log-level", CHOICE, COMMAND_SERVE, AT(log_level), "info", 0, 0, "debug|info|warn|error",
     "the least severe level that is logged"},
    {"bind", TEXT, COMMAND_SERVE, AT(bind), "127.0.0.1", 0, 0, "ADDRESS", "address to listen on"},
    {"port", COUNT, COMMAND_SERVE, AT(port), "8080", 0, 65535, "N",
     "TCP port to listen on; 0: any free one, which is logged"},
    {"model-alias", TEXT, COMMAND_SERVE, AT(model_alias), "whisper-1", 0, 0, "NAMES",
     "other names that requests may call the model by, comma-separated"},
    {"queue", COUNT, COMMAND_SERVE, AT(queue), "64", 0, 100000, "N",
     "requests that may wait beside one per thread; more are answered 503"},
    {"batch-wait-ms", COUNT, COMMAND_SERVE, AT(batch_wait_ms), "3", 0, 1000, "N",
     "milliseconds that a batch may wait for requests whose features are just being computed"},
    {"max-body-bytes", BYTES, COMMAND_SERVE, AT(max_body_bytes), "100M", 1, 1e12, "BYTES",
     "largest request body; K, M and G are understood"},
    {"max-connections", COUNT, COMMAND_SERVE, AT(max_connections), "256", 1, 100000, "N",
     "connections open at once"},
    {"keep-bytes", BYTES, COMMAND_SERVE, AT(keep_bytes), "64M", 0, 1e12, "BYTES",
     "memory for what requests with keep=true leave to be decoded again; 0: none"},
    {"keep-seconds", SECONDS, COMMAND_SERVE, AT(keep_seconds), "600", 0.1, 86400, "SECONDS",
     "time that it is kept"},
    {"body-timeout", SECONDS, COMMAND_SERVE, AT(body_timeout_seconds), "120", 0.1, 86400, "SECONDS",
     "time a request body may take to arrive"},
    {"idle-timeout", SECONDS, COMMAND_SERVE, AT(idle_timeout_seconds), "60", 1, 86400, "SECONDS",
     "time a connection may be silent; whole seconds"},
    {"request-timeout", SECONDS, COMMAND_SERVE, AT(request_timeout_seconds), "600", 0.001, 86400,
     "SECONDS", "time in which the work of a request must begin; later it is answered 503"},
    {"drain-timeout", SECONDS, COMMAND_SERVE, AT(drain_timeout_seconds), "30", 0, 86400, "SECONDS",
     "time that requests in flight get to finish after SIGTERM"},
    {"format", CHOICE, COMMAND_TRANSCRIBE, AT(format), "text", 0, 0, "text|tsv|json|srt|vtt",
     "output; tsv is one `file<TAB>text` line a file"},
    {"encoding", TEXT, COMMAND_TRANSCRIBE, AT(encoding), "", 0, 0, "NAME",
     "of headerless audio: s16le s16be s8 u8 s24le s32le f32le mulaw alaw"},
    {"sample-rate", COUNT, COMMAND_TRANSCRIBE, AT(sample_rate_hz), "0", 0, 10000000, "HZ",
     "of headerless audio"},
    {"channels", COUNT, COMMAND_TRANSCRIBE, AT(channels), "1", 1, 256, "N", "of headerless audio"},
    {"channel", TEXT, COMMAND_TRANSCRIBE, AT(channel), "mix", 0, 0, "mix|separate|N",
     "the mean of all channels, each by itself, or one of them, counted from 0"},
    {"phrases", TEXT, COMMAND_TRANSCRIBE, AT(phrases), "", 0, 0, "FILE",
     "phrases to expect, one a line; a tab and a weight may follow"},
};

enum { N_ROWS = COUNT(rows) };

static const char *process_getenv(const char *name)
{
    return getenv(name);
}

const struct option_sources option_sources_of_process = {process_getenv,
                                                         "/etc/scribed/scribed.conf"};

static const struct row *find_row(const char *flag, size_t n)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strlen(rows[i].flag) == n && memcmp(rows[i].flag, flag, n) == 0)
            return &rows[i];
    return NULL;
}

static void env_name(const struct row *row, char name[static 64])
{
    size_t n = (size_t)snprintf(name, 64, "SCRIBED_%s", row->flag);

    for (size_t i = 0; i < n; i++)
        name[i] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
}

/* ---- values -----------------------------------------------------------------------------------
 */

/* "100M" -> 104857600 for BYTES; *end is left where the number and its unit end. */
static double read_number(const struct row *row, const char *text, char **end)
{
    static const char units[] = "KMG";
    double value = strtod(text, end);

    if (row->type == BYTES && **end) {
        const char *unit = strchr(units, toupper((unsigned char)**end));
        if (unit) {
            value *= (double)(INT64_C(1) << 10 * (unit - units + 1));
            ++*end;
        }
    }
    return value;
}

static enum asr_status set_number(void *slot, const struct row *row, const char *text,
                                  const char *where, struct asr_error *err)
{
    char *end;
    double value = read_number(row, text, &end);
    bool whole = row->type != SECONDS;

    /* strtod() takes blanks, hexadecimal, inf and nan too, which nobody means. */
    bool is_number = isdigit((unsigned char)text[0]) && !strpbrk(text, "xX") && !*end;
    if (!is_number || (whole && value != floor(value)) || !(value >= row->min) ||
        !(value <= row->max))
        return asr_fail(err, ASR_ERR_INVALID, "%s: '%.64s' is not a %snumber from %.15g to %.15g",
                        where, text, whole ? "whole " : "", row->min, row->max);
    if (whole)
        *(int64_t *)slot = (int64_t)value;
    else
        *(double *)slot = value;
    return ASR_OK;
}

static enum asr_status set_choice(int64_t *slot, const struct row *row, const char *text,
                                  const char *where, struct asr_error *err)
{
    const char *at = row->metavar;

    for (int64_t i = 0;; i++) {
        size_t n = strcspn(at, "|");
        if (strlen(text) == n && memcmp(at, text, n) == 0) {
            *slot = i;
            return ASR_OK;
        }
        if (!at[n])
            return asr_fail(err, ASR_ERR_INVALID, "%s: '%.64s' is not one of %s", where, text,
                            row->metavar);
        at += n + 1;
    }
}

static enum asr_status set_text(char **slot, const char *text, struct asr_error *err)
{
    char *copy = strdup(text);

    if (!copy)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    free(*slot);
    *slot = copy;
    return ASR_OK;
}

static enum asr_status set(struct options *options, const struct row *row, const char *text,
                           const char *where, struct asr_error *err)
{
    void *slot = (char *)options + row->offset;

    switch (row->type) {
    case TEXT:
        return set_text(slot, text, err);
    case CHOICE:
        return set_choice(slot, row, text, where, err);
    case COUNT:
    case BYTES:
    case SECONDS:
        return set_number(slot, row, text, where, err);
    }
    return asr_fail(err, ASR_ERR_INVALID, "%s: of unknown type", where);
}

/* ---- sources ----------------------------------------------------------------------------------
 */

static enum asr_status apply_defaults(struct options *options, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    for (size_t i = 0; st == ASR_OK && i < N_ROWS; i++)
        st = set(options, &rows[i], rows[i].fallback, rows[i].flag, err);
    return st;
}

struct config_pass {
    struct options *options;
    bool seen[N_ROWS];
};

static enum asr_status apply_config_line(void *ctx, const char *key, const char *value,
                                         const char *where, struct asr_error *err)
{
    struct config_pass *pass = ctx;
    const struct row *row = find_row(key, strlen(key));

    if (!row || row->offset == AT(config))
        return asr_fail(err, ASR_ERR_INVALID, "%s: no such setting", where);
    if (pass->seen[row - rows])
        return asr_fail(err, ASR_ERR_INVALID, "%s: is set twice", where);
    pass->seen[row - rows] = true;
    return set(pass->options, row, value, where, err);
}

static enum asr_status apply_environment(struct options *options,
                                         const struct option_sources *sources,
                                         struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    char name[64];

    for (size_t i = 0; st == ASR_OK && i < N_ROWS; i++) {
        env_name(&rows[i], name);
        const char *value = sources->getenv(name);
        if (value)
            st = set(options, &rows[i], value, name, err);
    }
    return st;
}

/* The arguments, sorted: values by row, operands behind one another in argv. */
struct arguments {
    const char *value[N_ROWS]; /* NULL unless given */
    int first_operand;
    bool help;
};

static enum asr_status take_flag(struct arguments *args, enum command command, int argc,
                                 char **argv, int *at, struct asr_error *err)
{
    const char *name = argv[*at] + 2;
    size_t n = strcspn(name, "=");
    const struct row *row = find_row(name, n);

    if (!row || !(row->commands & command))
        return asr_fail(err, ASR_ERR_INVALID, "--%.*s: no such option", (int)(n < 64 ? n : 64),
                        name);
    if (!name[n] && *at + 1 >= argc)
        return asr_fail(err, ASR_ERR_INVALID, "--%s: needs a value, %s", row->flag, row->metavar);
    args->value[row - rows] = name[n] ? name + n + 1 : argv[++*at];
    return ASR_OK;
}

/* Reads argv and leaves its operands, in order, at its end. */
static enum asr_status sort_arguments(struct arguments *args, enum command command, int argc,
                                      char **argv, struct asr_error *err)
{
    char **operands = calloc((size_t)argc + 1, sizeof(*operands));
    int n_operands = 0;
    enum asr_status st = ASR_OK;

    if (!operands)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %d arguments", argc);
    for (int i = 0; st == ASR_OK && i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                operands[n_operands++] = argv[i];
        } else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            args->help = true;
        } else if (strncmp(argv[i], "--", 2) == 0) {
            st = take_flag(args, command, argc, argv, &i, err);
        } else if (argv[i][0] == '-' && argv[i][1]) {
            st = asr_fail(err, ASR_ERR_INVALID, "%.64s: no such option", argv[i]);
        } else {
            operands[n_operands++] = argv[i];
        }
    }
    args->first_operand = argc - n_operands;
    if (n_operands > 0)
        memcpy(argv + args->first_operand, operands, (size_t)n_operands * sizeof(*operands));
    free(operands);
    return st;
}

static enum asr_status apply_flags(struct options *options, const struct arguments *args,
                                   struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    char where[64];

    for (size_t i = 0; st == ASR_OK && i < N_ROWS; i++) {
        snprintf(where, sizeof(where), "--%s", rows[i].flag);
        if (args->value[i])
            st = set(options, &rows[i], args->value[i], where, err);
    }
    return st;
}

/* A config file that was asked for must be there; the default one need not. */
static enum asr_status apply_config(struct options *options, const struct arguments *args,
                                    const struct option_sources *sources, struct asr_error *err)
{
    struct config_pass pass = {.options = options};
    const char *path = args->value[find_row("config", 6) - rows];

    if (!path)
        path = sources->getenv("SCRIBED_CONFIG");
    if (!path && sources->default_config && access(sources->default_config, F_OK) == 0)
        path = sources->default_config;
    if (!path || !*path)
        return ASR_OK;
    return config_file_read(path, apply_config_line, &pass, err);
}

enum asr_status options_load(struct options *out, enum command command, int argc, char **argv,
                             const struct option_sources *sources, bool *help,
                             struct asr_error *err)
{
    struct arguments args = {0};
    enum asr_status st;

    *out = (struct options){0};
    *help = false;
    st = sort_arguments(&args, command, argc, argv, err);
    if (st != ASR_OK)
        return st;
    if (args.help) {
        *help = true;
        return ASR_OK;
    }
    st = apply_defaults(out, err);
    if (st == ASR_OK)
        st = apply_config(out, &args, sources, err);
    if (st == ASR_OK)
        st = apply_environment(out, sources, err);
    if (st == ASR_OK)
        st = apply_flags(out, &args, err);
    if (st != ASR_OK) {
        options_free(out);
        return st;
    }
    out->first_operand = args.first_operand;
    if (out->threads == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        out->threads = online > 0 ? online : 1;
    }
    return ASR_OK;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].type == TEXT)
            free(*(char **)(void *)((char *)options + rows[i].offset));
    }
    *options = (struct options){0};
}

/* ---- help -------------------------------------------------------------------------------------
 */

void options_print_help(FILE *to, enum command command)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &rows[i];
        if (!(row->commands & command))
            continue;
        fprintf(to, "  --%s %s\n        %s", row->flag, row->metavar, row->help);
        if (*row->fallback)
            fprintf(to, " [%s]", row->fallback);
        fputc('\n', to);
    }
    fprintf(to, "  --help\n        this text\n\n"
                "Every option can also be set by an environment variable (--max-rate:\n"
                "SCRIBED_MAX_RATE) or in the config file (max-rate = 48000). Flags override the\n"
                "environment, which overrides the config file.\n");
}
