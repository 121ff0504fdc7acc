#include "model/ngram_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/ngram_draft.h"

const struct ngram_build_options ngram_build_defaults = {.bits = 8, .unk_log10 = -100.0f};

static enum asr_status check_options(const struct ngram_build_options *options,
                                     struct asr_error *err)
{
    if (options->bits != 32 && (options->bits < 2 || options->bits > 16))
        return asr_fail(err, ASR_ERR_INVALID, "%u bits a value: 2 to 16, or 32, can be had",
                        options->bits);
    if (!(options->unk_log10 <= 0 && options->unk_log10 >= -NGRAM_MAX_LOG10))
        return asr_fail(err, ASR_ERR_INVALID,
                        "log10 probability %g for unknown words is not from %g to 0",
                        (double)options->unk_log10, (double)-NGRAM_MAX_LOG10);
    return ASR_OK;
}

enum asr_status ngram_build(uint8_t **image, size_t *n_bytes, const char *arpa_path,
                            const struct ngram_build_options *options, struct asr_error *err)
{
    struct ngram_draft draft = {.name = arpa_path, .options = options};
    struct arpa *arpa = NULL;
    enum asr_status st = check_options(options, err);

    *image = NULL;
    *n_bytes = 0;
    if (st == ASR_OK)
        st = arpa_open(&arpa, arpa_path, err);
    if (st == ASR_OK)
        st = ngram_draft_read(&draft, arpa, err);
    arpa_close(arpa);
    if (st == ASR_OK)
        st = ngram_draft_link(&draft, err);
    if (st == ASR_OK)
        st = ngram_draft_pack(&draft, image, n_bytes, err);
    ngram_draft_free(&draft);
    return st;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t written = write(fd, bytes, n_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        n_bytes -= (size_t)written;
    }
    return fsync(fd) == 0;
}

/* Under another name first, so that a running server never maps half a model. */
static enum asr_status write_file(const char *path, const uint8_t *bytes, size_t n_bytes,
                                  struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    char *part = NULL;

    if (asprintf(&part, "%s.part", path) < 0)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = asr_fail(err, ASR_ERR_IO, "%s: %s", part, strerror(errno));
        goto done;
    }
    bool written = write_all(fd, bytes, n_bytes);
    written = close(fd) == 0 && written;
    if (!written || rename(part, path) != 0) {
        st = asr_fail(err, ASR_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        unlink(part);
    }

done:
    free(part);
    return st;
}

enum asr_status ngram_build_file(const char *arpa_path, const char *out_path,
                                 const struct ngram_build_options *options, struct asr_error *err)
{
    uint8_t *image;
    size_t n_bytes;
    enum asr_status st = ngram_build(&image, &n_bytes, arpa_path, options, err);

    if (st == ASR_OK) {
        if (options->progress)
            options->progress(options->progress_ctx, "writing", 0);
        st = write_file(out_path, image, n_bytes, err);
    }
    free(image);
    return st;
}
