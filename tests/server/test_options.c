#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/options.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* One variable of an environment of our own. */
static const char *env_name, *env_value;

static const char *fake_getenv(const char *name)
{
    return env_name && strcmp(name, env_name) == 0 ? env_value : NULL;
}

static char config_path[] = "/tmp/scribed-options-XXXXXX";
static const struct option_sources sources = {fake_getenv, config_path};

static void write_config(const char *text)
{
    int fd = mkstemp(config_path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* mkstemp() has filled the name in. */
static void remove_config(void)
{
    unlink(config_path);
    strcpy(config_path, "/tmp/scribed-options-XXXXXX");
    env_name = NULL;
}

/* Up to three arguments; NULL where there are fewer. */
static enum asr_status load(struct options *options, enum command command, const char *a,
                            const char *b, const char *c, struct asr_error *err)
{
    const char *given[] = {a, b, c};
    static char storage[3][128];
    char *argv[3];
    int argc = 0;
    bool help;

    for (; argc < 3 && given[argc]; argc++) {
        snprintf(storage[argc], sizeof(storage[argc]), "%s", given[argc]);
        argv[argc] = storage[argc];
    }
    return options_load(options, command, argc, argv, &sources, &help, err);
}

static const struct {
    const char *config, *env, *flag;
    int64_t port;
} precedence[] = {
    {NULL, NULL, NULL, 8080},   {"port = 1", NULL, NULL, 1},
    {NULL, "2", NULL, 2},       {NULL, NULL, "--port=3", 3},
    {"port = 1", "2", NULL, 2}, {"port = 1", NULL, "--port=3", 3},
    {NULL, "2", "--port=3", 3}, {"port = 1", "2", "--port=3", 3},
};

START_TEST(a_flag_beats_the_environment_beats_the_file_beats_the_default)
    {
        struct options options;
        struct asr_error err;

        if (precedence[_i].config)
            write_config(precedence[_i].config);
        env_name = "SCRIBED_PORT";
        env_value = precedence[_i].env;
        ck_assert_int_eq(load(&options, COMMAND_SERVE, precedence[_i].flag, NULL, NULL, &err),
                         ASR_OK);
        ck_assert_int_eq(options.port, precedence[_i].port);
        options_free(&options);
    }
END_TEST

START_TEST(the_file_may_have_comments_blanks_and_any_line_ends)
    {
        struct options options;
        struct asr_error err;

        write_config("# all\n\n  model =  /a dir/#1  # the model\r\n\tmax-body-bytes=2k\n"
                     "decoder=greedy\nbody-timeout = 1.5\nmodel-alias =\n#x\nthreads=3");
        ck_assert_msg(load(&options, COMMAND_SERVE, NULL, NULL, NULL, &err) == ASR_OK, "%s",
                      err.text);
        ck_assert_str_eq(options.model, "/a dir/#1");
        ck_assert_int_eq(options.max_body_bytes, 2048);
        ck_assert_int_eq(options.decoder, DECODER_GREEDY);
        ck_assert_double_eq(options.body_timeout_seconds, 1.5);
        ck_assert_str_eq(options.model_alias, "");
        ck_assert_int_eq(options.threads, 3);
        options_free(&options);
    }
END_TEST

static const struct {
    const char *config, *says; /* behind the file's name */
} bad_files[] = {
    {"port = 1\nprot = 2\n", ":2: prot: no such setting"},
    {"\n\nport = 70000\n", ":3: port: '70000' is not a whole number from 0 to 65535"},
    {"port = 1\nport = 2\n", ":2: port: is set twice"},
    {"port\n", ":1: not of the form key = value"},
    {"= 1\n", ":1: not of the form key = value"},
    {"decoder = best\n", ":1: decoder: 'best' is not one of beam|greedy"},
    {"config = x\n", ":1: config: no such setting"},
};

START_TEST(an_error_in_the_file_names_file_line_and_key)
    {
        struct options options;
        struct asr_error err;
        char expected[256];

        write_config(bad_files[_i].config);
        snprintf(expected, sizeof(expected), "%s%s", config_path, bad_files[_i].says);
        ck_assert_int_ne(load(&options, COMMAND_SERVE, "--port=5", NULL, NULL, &err), ASR_OK);
        ck_assert_str_eq(err.text, expected);
        ck_assert_ptr_null(options.model);
    }
END_TEST

static const struct {
    const char *flag, *value, *says;
} bad_flags[] = {
    {"--port", NULL, "--port: needs a value, N"},
    {"--prot", "1", "--prot: no such option"},
    {"-p", "1", "-p: no such option"},
    {"--port", "x", "--port: 'x' is not a whole number from 0 to 65535"},
    {"--port", "-1", "--port: '-1' is not a whole number from 0 to 65535"},
    {"--port", "1.5", "--port: '1.5' is not a whole number from 0 to 65535"},
    {"--port", "", "--port: '' is not a whole number from 0 to 65535"},
    {"--port", "0x10", "--port: '0x10' is not a whole number from 0 to 65535"},
    {"--port", "80k", "--port: '80k' is not a whole number from 0 to 65535"},
    {"--port", "1e400", "--port: '1e400' is not a whole number from 0 to 65535"},
    {"--drain-timeout", "nan", "--drain-timeout: 'nan' is not a number from 0 to 86400"},
    {"--max-body-bytes", "0",
     "--max-body-bytes: '0' is not a whole number from 1 to 1000000000000"},
    {"--log-level", "loud", "--log-level: 'loud' is not one of debug|info|warn|error"},
    {"--format", "text", "--format: no such option"},
    {"--config", "/nowhere/scribed.conf", "/nowhere/scribed.conf: "},
};

START_TEST(an_error_in_a_flag_names_it)
    {
        struct options options;
        struct asr_error err;

        ck_assert_int_ne(
            load(&options, COMMAND_SERVE, bad_flags[_i].flag, bad_flags[_i].value, NULL, &err),
            ASR_OK);
        ck_assert_msg(strncmp(err.text, bad_flags[_i].says, strlen(bad_flags[_i].says)) == 0, "%s",
                      err.text);
        ck_assert_ptr_null(options.model);
    }
END_TEST

START_TEST(an_error_in_the_environment_names_the_variable)
    {
        struct options options;
        struct asr_error err;

        env_name = "SCRIBED_MAX_BODY_BYTES";
        env_value = "lots";
        ck_assert_int_eq(load(&options, COMMAND_SERVE, NULL, NULL, NULL, &err), ASR_ERR_INVALID);
        ck_assert_msg(strncmp(err.text, "SCRIBED_MAX_BODY_BYTES: 'lots'", 30) == 0, "%s", err.text);
    }
END_TEST

START_TEST(operands_may_stand_anywhere_and_keep_their_order)
    {
        char a[] = "a.wav", format[] = "--format", tsv[] = "tsv", dash[] = "-", end[] = "--",
             odd[] = "--odd.wav";
        char *argv[] = {a, format, tsv, dash, end, odd};
        struct options options;
        struct asr_error err;
        bool help;

        ck_assert_int_eq(
            options_load(&options, COMMAND_TRANSCRIBE, COUNT(argv), argv, &sources, &help, &err),
            ASR_OK);
        ck_assert(!help);
        ck_assert_int_eq(options.format, OUTPUT_TSV);
        ck_assert_int_eq(options.first_operand, 3);
        ck_assert_str_eq(argv[3], "a.wav");
        ck_assert_str_eq(argv[4], "-");
        ck_assert_str_eq(argv[5], "--odd.wav");
        options_free(&options);
    }
END_TEST

START_TEST(help_lists_every_option_of_the_command_with_its_default)
    {
        char text[16384] = "";
        FILE *to = fmemopen(text, sizeof(text), "w");

        options_print_help(to, COMMAND_SERVE);
        fclose(to);
        ck_assert_ptr_nonnull(strstr(text, "--port N\n"));
        ck_assert_ptr_nonnull(strstr(text, "[8080]"));
        ck_assert_ptr_nonnull(strstr(text, "--decoder beam|greedy\n"));
        ck_assert_ptr_null(strstr(text, "--encoding"));
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct options options;
            struct asr_error err;
            fail_alloc(nth++);
            st = load(&options, COMMAND_SERVE, "--model=x", NULL, NULL, &err);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (options.model != NULL));
            options_free(&options);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_gt(nth, 1);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("options");
    TCase *tc = tcase_create("sources");

    tcase_add_checked_fixture(tc, NULL, remove_config);
    tcase_add_loop_test(tc, a_flag_beats_the_environment_beats_the_file_beats_the_default, 0,
                        COUNT(precedence));
    tcase_add_test(tc, the_file_may_have_comments_blanks_and_any_line_ends);
    tcase_add_loop_test(tc, an_error_in_the_file_names_file_line_and_key, 0, COUNT(bad_files));
    tcase_add_loop_test(tc, an_error_in_a_flag_names_it, 0, COUNT(bad_flags));
    tcase_add_test(tc, an_error_in_the_environment_names_the_variable);
    tcase_add_test(tc, operands_may_stand_anywhere_and_keep_their_order);
    tcase_add_test(tc, help_lists_every_option_of_the_command_with_its_default);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
