/* transcribe.c - see transcribe.h.
 *
 * One job a file, and as many of them under way as fill the batches of all threads that compute.
 * Jobs read, wait for the pipeline and render; the main thread waits for the jobs in order and
 * prints, so that the output does not depend on which file is done first. Only rendered text waits
 * to be printed, never audio. */
#include "server/transcribe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/transcription_response.h"
#include "server/call.h"
#include "server/phrase_file.h"
#include "server/pipeline.h"
#include "server/pool.h"

enum { READ_BYTES = 64 << 10 };
/* Of a file's text, and of a file: bounds what a pipe that never ends can take. */
#define MAX_TEXT_BYTES ((size_t)64 << 20)
#define MAX_FILE_BYTES ((size_t)8 << 30)

struct file_job {
    struct pool_job job;
    struct file_list *list;
    const char *file;
    struct buffer text; /* rendered */
    struct asr_error err;
    bool done; /* guarded by the list's lock, as are the two above until it is set */
};

/* All that the jobs share. */
struct file_list {
    const struct options *options;
    struct pipeline *pipeline;
    struct raw_format raw;
    int channel;
    bool separate;                        /* instead: every channel by itself */
    struct transcription_request request; /* what the output is to be */
    struct phrases *phrases;              /* NULL: none */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct file_job *jobs;
    size_t n_jobs, n_done;
};

/* ---- on a thread of the pool ------------------------------------------------------------------
 */

/* Pipes and what else cannot be mapped are read like files; "-" is standard input. */
static enum asr_status read_file(const char *file, struct buffer *out, struct asr_error *err)
{
    char bytes[READ_BYTES];
    bool standard = strcmp(file, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    enum asr_status st = ASR_OK;
    ssize_t n = 1;

    if (fd < 0)
        return asr_fail(err, ASR_ERR_IO, "cannot be opened: %s", strerror(errno));
    while (st == ASR_OK && n > 0) {
        do
            n = read(fd, bytes, sizeof(bytes));
        while (n < 0 && errno == EINTR);
        if (n < 0)
            st = asr_fail(err, ASR_ERR_IO, "cannot be read: %s", strerror(errno));
        else
            st = buffer_append(out, bytes, (size_t)n, err);
    }
    if (!standard)
        close(fd);
    return st;
}

/* In the format that was asked for, tsv excepted. */
static enum asr_status render(struct file_job *job, struct transcription_answer answer)
{
    const struct file_list *list = job->list;
    struct buffer *out = &job->text;

    answer.config = model_config(pipeline_model(list->pipeline));
    answer.phrases = list->phrases;
    enum asr_status st = transcription_render(&answer, &list->request, out, &job->err);
    /* A body may end without a newline; a line of output may not. */
    if (st == ASR_OK && (out->n_bytes == 0 || out->bytes[out->n_bytes - 1] != '\n'))
        st = buffer_append(out, "\n", 1, &job->err);
    return st;
}

/* Nobody waits for one file more than for another, and none is given up. */
static const struct ticket ticket = {LANE_LIVE, INFINITY, false};

static enum asr_status transcribe_one(struct file_job *job, const struct recording *recording,
                                      const struct transcribe_options *options)
{
    const struct file_list *list = job->list;
    struct pipeline_times times = {0};
    struct transcript *transcript;
    enum asr_status st =
        pipeline_run(list->pipeline, &ticket, recording, options, &transcript, &times, &job->err);

    if (st != ASR_OK)
        return st;
    if (list->options->format == OUTPUT_TSV)
        st = buffer_printf(&job->text, &job->err, "%s\t%s\n", job->file, transcript->text);
    else
        st = render(job, (struct transcription_answer){.transcript = transcript});
    transcript_free(transcript);
    return st;
}

/* tsv: a line a channel, which is named behind the file. */
static enum asr_status transcribe_channels(struct file_job *job, const struct recording *recording,
                                           const struct transcribe_options *options)
{
    const struct file_list *list = job->list;
    struct pipeline_times times = {0};
    struct call call;
    enum asr_status st =
        call_transcribe(&call, list->pipeline, &ticket, recording, options, &times, &job->err);

    if (st != ASR_OK)
        return st;
    if (list->options->format != OUTPUT_TSV)
        st = render(job, (struct transcription_answer){.conversation = call.conversation,
                                                       .dual_mono = call.dual_mono});
    for (size_t p = 0; list->options->format == OUTPUT_TSV && p < call.n_parties && st == ASR_OK;
         p++)
        st = buffer_printf(&job->text, &job->err, "%s#%zu\t%s\n", job->file, p,
                           call.transcripts[p]->text);
    call_free(&call);
    return st;
}

static enum asr_status transcribe_file(struct file_job *job)
{
    const struct file_list *list = job->list;
    struct transcribe_options options = transcribe_defaults;
    struct buffer audio;

    options.phrases = list->phrases;
    buffer_init(&audio, MAX_FILE_BYTES);
    enum asr_status st = read_file(job->file, &audio, &job->err);
    if (st == ASR_OK) {
        const struct recording recording = {audio.bytes, audio.n_bytes, list->raw, list->channel};
        st = list->separate ? transcribe_channels(job, &recording, &options)
                            : transcribe_one(job, &recording, &options);
    }
    buffer_free(&audio);
    return st;
}

static struct file_job *file_job_of(struct pool_job *job)
{
    return (struct file_job *)(void *)((char *)job - offsetof(struct file_job, job));
}

static void run(struct pool_job *pool_job)
{
    struct file_job *job = file_job_of(pool_job);

    if (transcribe_file(job) != ASR_OK)
        buffer_free(&job->text);
    else
        job->err.status = ASR_OK;
}

static void finish(struct pool_job *pool_job)
{
    struct file_job *job = file_job_of(pool_job);
    struct file_list *list = job->list;

    pthread_mutex_lock(&list->lock);
    job->done = true;
    list->n_done++;
    pthread_cond_signal(&list->changed);
    pthread_mutex_unlock(&list->lock);
}

/* ---- on the main thread -----------------------------------------------------------------------
 */

static void wait_for(struct file_list *list, const struct file_job *job, bool show_progress)
{
    pthread_mutex_lock(&list->lock);
    while (!job->done) {
        if (show_progress)
            fprintf(stderr, "\r%zu of %zu", list->n_done, list->n_jobs);
        pthread_cond_wait(&list->changed, &list->lock);
    }
    pthread_mutex_unlock(&list->lock);
    if (show_progress)
        fputs("\r\033[K", stderr); /* an empty line, for what is printed next */
}

/* The exit status. */
static int print_all(struct file_list *list)
{
    bool show_progress = list->n_jobs > 1 && isatty(STDERR_FILENO);
    int status = EXIT_SUCCESS;

    for (size_t i = 0; i < list->n_jobs; i++) {
        struct file_job *job = &list->jobs[i];
        wait_for(list, job, show_progress);
        if (job->err.status != ASR_OK) {
            fprintf(stderr, "scribed: %s: %s\n", job->file, job->err.text);
            status = EXIT_FAILURE;
        } else {
            fwrite(job->text.bytes, 1, job->text.n_bytes, stdout);
            fflush(stdout);
        }
        buffer_free(&job->text);
    }
    if (ferror(stdout)) {
        fprintf(stderr, "scribed: standard output: %s\n", strerror(errno));
        status = EXIT_FAILURE;
    }
    return status;
}

/* "mix", "separate", or a number of channels counted from 0; headerless audio as stated. */
static enum asr_status read_source(struct file_list *list, struct asr_error *err)
{
    const struct options *options = list->options;
    const char *channel = options->channel, *encoding = options->encoding;

    list->channel = CHANNEL_MIX;
    list->separate = strcmp(channel, "separate") == 0;
    if (!list->separate && strcmp(channel, "mix") != 0) {
        if (!*channel || strspn(channel, "0123456789") != strlen(channel) || strlen(channel) > 3)
            return asr_fail(err, ASR_ERR_INVALID,
                            "--channel: '%.64s' is not mix, separate or 0 to 999", channel);
        list->channel = (int)strtol(channel, NULL, 10);
    }
    if (!*encoding) {
        if (options->sample_rate_hz)
            return asr_fail(err, ASR_ERR_INVALID,
                            "--sample-rate is for headerless audio: give its --encoding too");
        return ASR_OK;
    }
    list->raw = (struct raw_format){raw_encoding_by_name(encoding),
                                    (unsigned)options->sample_rate_hz, (unsigned)options->channels};
    if (list->raw.encoding == RAW_NONE)
        return asr_fail(err, ASR_ERR_INVALID, "--encoding: '%.64s' is not known (scribed help)",
                        encoding);
    if (!options->sample_rate_hz)
        return asr_fail(err, ASR_ERR_INVALID, "--encoding needs a --sample-rate");
    return ASR_OK;
}

/* Phrases that are of no use are named, and the others used. */
static void print_problems(const struct phrases *phrases, const struct phrase_list *list)
{
    size_t n;
    const struct phrase_problem *problems = phrases_problems(phrases, &n);

    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "scribed: phrase '%s' cannot be used: %s\n",
                list->phrases[problems[i].phrase].text, problems[i].why.text);
}

static enum asr_status read_phrases(struct file_list *list, struct asr_error *err)
{
    struct phrase_list *phrases = &list->request.phrases;
    struct api_error e;

    if (!*list->options->phrases)
        return ASR_OK;
    enum asr_status st = phrase_file_read(phrases, list->options->phrases, err);
    if (st == ASR_OK && list->options->decoder == DECODER_GREEDY &&
        transcription_request_check_greedy(&list->request, &e) != API_OK)
        st = asr_fail(err, ASR_ERR_INVALID, "--phrases: needs --decoder beam");
    if (st == ASR_OK)
        st = phrases_new(&list->phrases, model_config(pipeline_model(list->pipeline)),
                         phrases->phrases, phrases->n_phrases, err);
    if (st == ASR_OK)
        print_problems(list->phrases, phrases);
    return st;
}

static enum asr_status submit_all(struct file_list *list, struct pool **pool, char *const *files,
                                  struct asr_error *err)
{
    /* A batch in every thread, and the next one for each getting ready. */
    size_t threads = 2 * (size_t)list->options->threads * (size_t)list->options->batch_size;

    list->jobs = calloc(list->n_jobs, sizeof(*list->jobs));
    if (!list->jobs)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu files", list->n_jobs);
    enum asr_status st =
        pool_new(pool, threads < list->n_jobs ? threads : list->n_jobs, list->n_jobs, err);
    for (size_t i = 0; st == ASR_OK && i < list->n_jobs; i++) {
        struct file_job *job = &list->jobs[i];
        *job = (struct file_job){
            .job = {.run = run, .finish = finish}, .list = list, .file = files[i]};
        buffer_init(&job->text, MAX_TEXT_BYTES);
        pool_submit(*pool, &job->job); /* there is room for all of them */
    }
    return st;
}

/* Of what is rendered as a response is; tsv is not. */
static enum response_format response_format(int64_t output)
{
    static const enum response_format formats[] = {[OUTPUT_TEXT] = RESPONSE_TEXT,
                                                   [OUTPUT_TSV] = RESPONSE_TEXT,
                                                   [OUTPUT_JSON] = RESPONSE_JSON,
                                                   [OUTPUT_SRT] = RESPONSE_SRT,
                                                   [OUTPUT_VTT] = RESPONSE_VTT};

    return formats[output];
}

int transcribe(const struct options *options, int n_files, char *const *files)
{
    struct file_list list = {.options = options, .n_jobs = (size_t)n_files};
    struct pool *pool = NULL;
    struct asr_error err;
    int status = EXIT_FAILURE;

    pthread_mutex_init(&list.lock, NULL);
    pthread_cond_init(&list.changed, NULL);
    transcription_request_init(&list.request);
    list.request.format = response_format(options->format);
    enum asr_status st = read_source(&list, &err);
    if (st == ASR_OK)
        st = pipeline_new(&list.pipeline, options, &err);
    if (st == ASR_OK)
        st = read_phrases(&list, &err);
    if (st == ASR_OK)
        st = submit_all(&list, &pool, files, &err);
    if (st == ASR_OK)
        status = print_all(&list);
    else
        fprintf(stderr, "scribed: %s\n", err.text);
    pool_free(pool);
    phrases_free(list.phrases);
    transcription_request_free(&list.request);
    pipeline_free(list.pipeline);
    free(list.jobs);
    pthread_cond_destroy(&list.changed);
    pthread_mutex_destroy(&list.lock);
    return status;
}
