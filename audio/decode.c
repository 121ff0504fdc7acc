/* decode.c - libsndfile over bytes in memory, and libmpg123 for MPEG audio (mpeg_decode.h).
 *
 * What the bytes are is decided by container_sniff() first, so that the libraries are asked only
 * about formats we mean to accept, and the user reads "this is MP4" instead of "unknown format".
 *
 * libsndfile's open writes a global error number and log when it fails, and reading them back is
 * the only way to the reason: opening happens under a lock, which takes microseconds. */
#include "audio/decode.h"

#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/byte_view.h"
#include "audio/container.h"
#include "audio/count.h"
#include "audio/header_scan.h"
#include "audio/mpeg_decode.h"
#include "audio/vorbis_header.h"

struct decoder {
    SNDFILE *file; /* one of these two */
    struct mpeg_decoder *mpeg;
    struct byte_view view;
    struct audio_info info;
    double max_seconds;
    uint64_t max_decoded_bytes;
    uint64_t frames_read;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- virtual I/O: the five calls that libsndfile makes ------------------------------------- */

static sf_count_t view_length(void *user)
{
    const struct byte_view *view = user;
    return view->n_bytes;
}

static sf_count_t view_seek(sf_count_t offset, int whence, void *user)
{
    return byte_view_seek(user, offset, whence);
}

static sf_count_t view_read(void *to, sf_count_t count, void *user)
{
    return count > 0 ? (sf_count_t)byte_view_read(user, to, (size_t)count) : 0;
}

static sf_count_t view_tell(void *user)
{
    const struct byte_view *view = user;
    return view->position;
}

/* ---- headerless audio ---------------------------------------------------------------------- */

enum raw_encoding raw_encoding_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum raw_encoding encoding;
    } names[] = {
        {"s16le", RAW_PCM_S16LE}, {"linear16", RAW_PCM_S16LE}, {"pcm16", RAW_PCM_S16LE},
        {"s16be", RAW_PCM_S16BE}, {"s8", RAW_PCM_S8},          {"u8", RAW_PCM_U8},
        {"s24le", RAW_PCM_S24LE}, {"s32le", RAW_PCM_S32LE},    {"f32le", RAW_PCM_F32LE},
        {"mulaw", RAW_MULAW},     {"mu-law", RAW_MULAW},       {"ulaw", RAW_MULAW},
        {"pcmu", RAW_MULAW},      {"alaw", RAW_ALAW},          {"a-law", RAW_ALAW},
        {"pcma", RAW_ALAW},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].encoding;
    return RAW_NONE;
}

static const struct {
    int sndfile_format;
    unsigned sample_bytes;
} raw_encodings[] = {
    [RAW_NONE] = {0, 0},
    [RAW_PCM_S16LE] = {SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE, 2},
    [RAW_PCM_S16BE] = {SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 2},
    [RAW_PCM_S8] = {SF_FORMAT_PCM_S8, 1},
    [RAW_PCM_U8] = {SF_FORMAT_PCM_U8, 1},
    [RAW_PCM_S24LE] = {SF_FORMAT_PCM_24 | SF_ENDIAN_LITTLE, 3},
    [RAW_PCM_S32LE] = {SF_FORMAT_PCM_32 | SF_ENDIAN_LITTLE, 4},
    [RAW_PCM_F32LE] = {SF_FORMAT_FLOAT | SF_ENDIAN_LITTLE, 4},
    [RAW_MULAW] = {SF_FORMAT_ULAW, 1},
    [RAW_ALAW] = {SF_FORMAT_ALAW, 1},
};

enum { RAW_ENCODINGS = COUNT(raw_encodings) };

static enum asr_status prepare_raw(const struct raw_format *raw, size_t n_bytes, SF_INFO *sf,
                                   struct asr_error *err)
{
    if ((unsigned)raw->encoding >= RAW_ENCODINGS)
        return asr_fail(err, ASR_ERR_INVALID, "raw audio: unknown encoding");
    if (raw->rate_hz == 0 || raw->rate_hz > INT32_MAX)
        return asr_fail(err, ASR_ERR_INVALID, "raw audio: a sample rate of %u Hz", raw->rate_hz);
    if (raw->channels == 0 || raw->channels > INT32_MAX)
        return asr_fail(err, ASR_ERR_INVALID, "raw audio: %u channels", raw->channels);
    uint64_t frame_bytes = (uint64_t)raw_encodings[raw->encoding].sample_bytes * raw->channels;
    if (n_bytes < frame_bytes)
        return asr_fail(err, ASR_ERR_FORMAT, "raw audio: empty: %zu bytes, a sample takes %llu",
                        n_bytes, (unsigned long long)frame_bytes);
    *sf = (SF_INFO){.samplerate = (int)raw->rate_hz, .channels = (int)raw->channels};
    sf->format = SF_FORMAT_RAW | raw_encodings[raw->encoding].sndfile_format;
    return ASR_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum asr_status refuse(const struct container *found, struct asr_error *err)
{
    if (found->kind == CONTAINER_FOREIGN)
        return asr_fail(err, ASR_ERR_UNSUPPORTED,
                        "the file is %s, which is not decoded here: send WAV, FLAC, Ogg (Opus or "
                        "Vorbis) or MP3",
                        found->name);
    if (found->kind == CONTAINER_TEXT)
        return asr_fail(err, ASR_ERR_FORMAT, "the file is text, not audio");
    return asr_fail(err, ASR_ERR_FORMAT,
                    "not an audio file of a known kind: send WAV, FLAC, Ogg (Opus or Vorbis) or "
                    "MP3, or state encoding, rate and channels of headerless audio");
}

/* What a header says of rate and channels; libsndfile has several texts for the impossible. */
static enum asr_status set_format(struct audio_info *info, const char *name, long long rate_hz,
                                  long long channels, struct asr_error *err)
{
    if (rate_hz <= 0)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: a sample rate of %lld Hz", name, rate_hz);
    if (channels <= 0)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: %lld channels", name, channels);
    info->rate_hz = (unsigned)rate_hz;
    info->channels = (unsigned)channels;
    return ASR_OK;
}

static enum asr_status check_limits(const struct audio_info *info,
                                    const struct decode_limits *limits, struct asr_error *err)
{
    double seconds = (double)info->declared_frames / info->rate_hz;

    if (info->rate_hz < limits->min_rate_hz)
        return asr_fail(err, ASR_ERR_LIMIT, "sample rate %u Hz is under the limit of %u Hz",
                        info->rate_hz, limits->min_rate_hz);
    if (info->rate_hz > limits->max_rate_hz)
        return asr_fail(err, ASR_ERR_LIMIT, "sample rate %u Hz is over the limit of %u Hz",
                        info->rate_hz, limits->max_rate_hz);
    if (info->channels > limits->max_channels)
        return asr_fail(err, ASR_ERR_LIMIT, "%u channels are over the limit of %u", info->channels,
                        limits->max_channels);
    if (seconds > limits->max_seconds)
        return asr_fail(err, ASR_ERR_LIMIT, "%.1f seconds are over the limit of %.1f seconds",
                        seconds, limits->max_seconds);
    if (info->declared_frames > limits->max_decoded_bytes / sizeof(float) / info->channels)
        return asr_fail(err, ASR_ERR_LIMIT,
                        "%llu samples on %u channels are over the limit of %llu decoded bytes",
                        (unsigned long long)info->declared_frames, info->channels,
                        (unsigned long long)limits->max_decoded_bytes);
    return ASR_OK;
}

static const char *format_name(int format)
{
    SF_FORMAT_INFO info = {.format = format & SF_FORMAT_TYPEMASK};
    if ((format & SF_FORMAT_TYPEMASK) == SF_FORMAT_RAW)
        return "raw";
    sf_command(NULL, SFC_GET_FORMAT_INFO, &info, sizeof(info));
    return info.name ? info.name : "unknown";
}

static enum asr_status open_sndfile(struct decoder *dec, const char *name, SF_INFO *sf,
                                    struct asr_error *err)
{
    static SF_VIRTUAL_IO view_io = {
        .get_filelen = view_length, .seek = view_seek, .read = view_read, .tell = view_tell};
    enum asr_status st = ASR_OK;

    pthread_mutex_lock(&open_lock);
    dec->file = sf_open_virtual(&view_io, SFM_READ, sf, &dec->view);
    if (!dec->file) {
        bool codec = sf_error(NULL) == SF_ERR_UNSUPPORTED_ENCODING;
        st = asr_fail(err, codec ? ASR_ERR_UNSUPPORTED : ASR_ERR_FORMAT, "%s: %s", name,
                      sf_strerror(NULL));
    }
    pthread_mutex_unlock(&open_lock);
    if (st != ASR_OK)
        return st;
    if (sf->frames <= 0)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: empty: there is not one sample in it", name);
    /* libsndfile says SF_COUNT_MAX where the header leaves the length open. */
    dec->info.declared_frames = sf->frames == SF_COUNT_MAX ? 0 : (uint64_t)sf->frames;
    dec->info.container = format_name(sf->format);
    return set_format(&dec->info, name, sf->samplerate, sf->channels, err);
}

static enum asr_status open_mpeg(struct decoder *dec, const char *container, struct asr_error *err)
{
    dec->info.container = container;
    return mpeg_open(&dec->mpeg, &dec->view, &dec->info.rate_hz, &dec->info.channels,
                     &dec->info.declared_frames, err);
}

static void narrow_view(struct byte_view *view, size_t begin, size_t n_bytes)
{
    view->bytes += begin;
    view->n_bytes = (int64_t)n_bytes;
}

static enum asr_status open_container(struct decoder *dec, const struct decode_limits *limits,
                                      struct asr_error *err)
{
    struct byte_view *view = &dec->view;
    struct container found = container_sniff(view->bytes, (size_t)view->n_bytes);
    enum asr_status st = ASR_OK;
    SF_INFO sf = {0};

    if (found.kind != CONTAINER_SNDFILE && found.kind != CONTAINER_MPEG)
        return refuse(&found, err);
    narrow_view(view, found.audio_begin, (size_t)view->n_bytes - found.audio_begin);
    if (found.kind == CONTAINER_MPEG)
        return open_mpeg(dec, "MPEG audio", err);

    if (!vorbis_header_is_sound(view->bytes, (size_t)view->n_bytes))
        return asr_fail(err, ASR_ERR_FORMAT, "%s: the Vorbis headers are broken or cut off",
                        found.name);
    struct header_scan scan = header_scan(view->bytes, (size_t)view->n_bytes);
    if (scan.has_format)
        st = set_format(&dec->info, found.name, scan.rate_hz, scan.channels, err);
    if (st == ASR_OK && scan.has_format)
        st = check_limits(&dec->info, limits, err);
    if (st != ASR_OK)
        return st;
    if (scan.is_mpeg) {
        narrow_view(view, scan.mpeg_begin, scan.mpeg_bytes);
        return open_mpeg(dec, "MPEG audio in WAV", err);
    }
    view->patch = scan.patch;
    return open_sndfile(dec, found.name, &sf, err);
}

static enum asr_status open_raw(struct decoder *dec, const struct raw_format *raw, size_t n_bytes,
                                const struct decode_limits *limits, struct asr_error *err)
{
    SF_INFO sf;
    enum asr_status st = prepare_raw(raw, n_bytes, &sf, err);
    if (st == ASR_OK)
        st = set_format(&dec->info, "raw audio", sf.samplerate, sf.channels, err);
    if (st == ASR_OK)
        st = check_limits(&dec->info, limits, err);
    return st == ASR_OK ? open_sndfile(dec, "raw audio", &sf, err) : st;
}

enum asr_status decoder_open(struct decoder **out, const void *bytes, size_t n_bytes,
                             const struct raw_format *raw, const struct decode_limits *limits,
                             struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    *out = NULL;
    if (n_bytes == 0)
        return asr_fail(err, ASR_ERR_FORMAT, "empty: there are no bytes at all");
    if (n_bytes > INT64_MAX)
        return asr_fail(err, ASR_ERR_LIMIT, "%zu bytes are over what can be addressed", n_bytes);
    struct decoder *dec = calloc(1, sizeof(*dec));
    if (!dec)
        return asr_fail(err, ASR_ERR_NOMEM, "decoder: out of memory");
    dec->view = (struct byte_view){.bytes = bytes, .n_bytes = (int64_t)n_bytes};
    dec->max_seconds = limits->max_seconds;
    dec->max_decoded_bytes = limits->max_decoded_bytes;

    if (raw && raw->encoding != RAW_NONE)
        st = open_raw(dec, raw, n_bytes, limits, err);
    else
        st = open_container(dec, limits, err);
    if (st == ASR_OK)
        st = check_limits(&dec->info, limits, err);
    if (st != ASR_OK) {
        decoder_close(dec);
        return st;
    }
    *out = dec;
    return ASR_OK;
}

void decoder_close(struct decoder *dec)
{
    if (!dec)
        return;
    if (dec->file)
        sf_close(dec->file);
    mpeg_close(dec->mpeg);
    free(dec);
}

const struct audio_info *decoder_info(const struct decoder *dec)
{
    return &dec->info;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void make_sane(float *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fabsf(samples[i]) <= 1.0f)
            continue; /* false for NaN too */
        samples[i] = isfinite(samples[i]) ? copysignf(1.0f, samples[i]) : 0.0f;
    }
}

static enum asr_status read_block(struct decoder *dec, float *interleaved, size_t max_frames,
                                  size_t *frames, struct asr_error *err)
{
    if (dec->mpeg)
        return mpeg_read(dec->mpeg, interleaved, max_frames, frames, err);
    sf_count_t n = sf_readf_float(dec->file, interleaved, (sf_count_t)max_frames);
    *frames = n > 0 ? (size_t)n : 0;
    return ASR_OK;
}

enum asr_status decoder_read(struct decoder *dec, float *interleaved, size_t max_frames,
                             size_t *frames, struct asr_error *err)
{
    const struct audio_info *info = &dec->info;
    size_t n = 0;

    *frames = 0;
    if (max_frames > INT64_MAX / sizeof(float) / info->channels)
        return asr_fail(err, ASR_ERR_INVALID, "%zu frames in one read", max_frames);
    enum asr_status st = read_block(dec, interleaved, max_frames, &n, err);
    if (st != ASR_OK)
        return st;
    if (n == 0 && max_frames > 0 && dec->frames_read == 0)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: empty: not one sample could be decoded",
                        info->container);
    dec->frames_read += n;
    if ((double)dec->frames_read / info->rate_hz > dec->max_seconds)
        return asr_fail(err, ASR_ERR_LIMIT, "the recording is over the limit of %.1f seconds",
                        dec->max_seconds);
    if (dec->frames_read > dec->max_decoded_bytes / sizeof(float) / info->channels)
        return asr_fail(err, ASR_ERR_LIMIT, "the recording is over the limit of %llu decoded bytes",
                        (unsigned long long)dec->max_decoded_bytes);
    make_sane(interleaved, n * info->channels);
    *frames = n;
    return ASR_OK;
}
