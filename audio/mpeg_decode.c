#include "audio/mpeg_decode.h"

#include <mpg123.h>
#include <stdlib.h>
#include <sys/types.h>

struct mpeg_decoder {
    mpg123_handle *handle;
    long rate_hz;
    int channels;
};

static ssize_t read_view(void *view, void *to, size_t count)
{
    return (ssize_t)byte_view_read(view, to, count);
}

static off_t seek_view(void *view, off_t offset, int whence)
{
    return byte_view_seek(view, offset, whence);
}

/* GAPLESS cuts the encoder's delay off, so that times are those of the original. */
static enum asr_status open_handle(struct mpeg_decoder *mpeg, struct byte_view *view,
                                   struct asr_error *err)
{
    enum { RESYNC_BYTES = 1 << 20 }; /* the longest damage to look past */
    long flags = MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS;
    int encoding;

    mpeg->handle = mpg123_new(NULL, NULL);
    if (!mpeg->handle)
        return asr_fail(err, ASR_ERR_NOMEM, "MP3: out of memory");
    if (mpg123_param(mpeg->handle, MPG123_ADD_FLAGS, flags, 0.0) != MPG123_OK ||
        mpg123_param(mpeg->handle, MPG123_RESYNC_LIMIT, RESYNC_BYTES, 0.0) != MPG123_OK ||
        mpg123_replace_reader_handle(mpeg->handle, read_view, seek_view, NULL) != MPG123_OK ||
        mpg123_open_handle(mpeg->handle, view) != MPG123_OK ||
        mpg123_getformat(mpeg->handle, &mpeg->rate_hz, &mpeg->channels, &encoding) != MPG123_OK ||
        mpg123_scan(mpeg->handle) != MPG123_OK)
        return asr_fail(err, ASR_ERR_FORMAT, "MP3: %s", mpg123_strerror(mpeg->handle));
    if (encoding != MPG123_ENC_FLOAT_32 || mpeg->rate_hz <= 0 || mpeg->channels <= 0)
        return asr_fail(err, ASR_ERR_UNSUPPORTED, "MP3: no decoder to 32-bit float");
    return ASR_OK;
}

enum asr_status mpeg_open(struct mpeg_decoder **out, struct byte_view *view, unsigned *rate_hz,
                          unsigned *channels, uint64_t *frames, struct asr_error *err)
{
    struct mpeg_decoder *mpeg = calloc(1, sizeof(*mpeg));

    *out = NULL;
    if (!mpeg)
        return asr_fail(err, ASR_ERR_NOMEM, "MP3: out of memory");
    enum asr_status st = open_handle(mpeg, view, err);
    if (st != ASR_OK) {
        mpeg_close(mpeg);
        return st;
    }
    off_t length = mpg123_length(mpeg->handle);
    *rate_hz = (unsigned)mpeg->rate_hz;
    *channels = (unsigned)mpeg->channels;
    *frames = length > 0 ? (uint64_t)length : 0;
    *out = mpeg;
    return ASR_OK;
}

void mpeg_close(struct mpeg_decoder *mpeg)
{
    if (!mpeg)
        return;
    mpg123_delete(mpeg->handle); /* NULL is fine */
    free(mpeg);
}

static enum asr_status check_same_format(const struct mpeg_decoder *mpeg, struct asr_error *err)
{
    long rate_hz = 0;
    int channels = 0, encoding;

    mpg123_getformat(mpeg->handle, &rate_hz, &channels, &encoding);
    if (rate_hz == mpeg->rate_hz && channels == mpeg->channels)
        return ASR_OK;
    return asr_fail(err, ASR_ERR_UNSUPPORTED,
                    "MP3: the stream changes from %ld Hz on %d channels to %ld Hz on %d",
                    mpeg->rate_hz, mpeg->channels, rate_hz, channels);
}

enum asr_status mpeg_read(struct mpeg_decoder *mpeg, float *interleaved, size_t max_frames,
                          size_t *frames, struct asr_error *err)
{
    size_t frame_bytes = sizeof(float) * (size_t)mpeg->channels, done;
    enum asr_status st = ASR_OK;
    int result;

    do {
        done = 0;
        result = mpg123_read(mpeg->handle, interleaved, max_frames * frame_bytes, &done);
        if (result == MPG123_NEW_FORMAT)
            st = check_same_format(mpeg, err);
    } while (st == ASR_OK && result == MPG123_NEW_FORMAT && done == 0);
    *frames = st == ASR_OK ? done / frame_bytes : 0;
    return st;
}
