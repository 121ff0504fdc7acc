#include "audio/header_scan.h"

#include <string.h>

enum {
    WAVE_FORMAT_MPEG = 0x50,
    WAVE_FORMAT_MPEGLAYER3 = 0x55,
    FORMAT_BYTES = 16,
    DS64_BYTES = 24,
};

static uint64_t number(const unsigned char *at, size_t n_bytes, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++)
        value = value << 8 | at[big_endian ? i : n_bytes - 1 - i];
    return value;
}

static struct byte_patch patch_number(size_t at, size_t n_bytes, uint64_t value, bool big_endian)
{
    struct byte_patch patch = {.at = at, .n_bytes = n_bytes};
    for (size_t i = 0; i < n_bytes; i++, value >>= 8)
        patch.bytes[big_endian ? n_bytes - 1 - i : i] = (unsigned char)value;
    return patch;
}

/* A chunk's body, as far as the file has it. */
struct chunk {
    const unsigned char *id;
    uint64_t declared_bytes;
    size_t begin, n_bytes;
};

/* Reads the chunk at *at, with `size_bytes` for its size, and moves on to the next one. */
static bool next_chunk(const unsigned char *bytes, size_t n_bytes, size_t *at, size_t size_bytes,
                       bool big_endian, struct chunk *c)
{
    if (n_bytes - *at < 4 + size_bytes)
        return false;
    c->id = bytes + *at;
    c->declared_bytes = number(bytes + *at + 4, size_bytes, big_endian);
    c->begin = *at + 4 + size_bytes;
    size_t left = n_bytes - c->begin;
    c->n_bytes = c->declared_bytes < left ? (size_t)c->declared_bytes : left;
    *at = c->begin + c->n_bytes;
    return true;
}

struct wave {
    bool big_endian;
    unsigned format_tag;
    size_t ds64_at;   /* RF64's chunk of 64-bit sizes; 0: none */
    uint64_t n_bytes; /* of the whole file, as declared */
};

/* A header is open when it declares no data and an end that is not behind the data either. A file
 * that was closed over an empty recording declares the chunks that follow. */
static void scan_wave_data(const struct wave *w, const unsigned char *bytes, size_t n_bytes,
                           const struct chunk *data, struct header_scan *out)
{
    size_t left = n_bytes - data->begin;
    bool is_open = w->n_bytes <= data->begin;
    uint64_t declared =
        w->ds64_at ? number(bytes + w->ds64_at + 8, 8, w->big_endian) : data->declared_bytes;

    if (w->format_tag == WAVE_FORMAT_MPEG || w->format_tag == WAVE_FORMAT_MPEGLAYER3) {
        out->is_mpeg = true;
        out->mpeg_begin = data->begin;
        out->mpeg_bytes = declared == 0 && is_open ? left : data->n_bytes;
    } else if (declared == 0 && is_open && left > 0) {
        out->patch = w->ds64_at ? patch_number(w->ds64_at + 8, 8, left, w->big_endian)
                                : patch_number(data->begin - 4, 4, UINT32_MAX, w->big_endian);
    }
}

static struct header_scan scan_wave(const unsigned char *bytes, size_t n_bytes, bool big_endian)
{
    enum { SIZE_BYTES = 4, FORM_BYTES = 12 };
    struct wave w = {.big_endian = big_endian, .n_bytes = number(bytes + 4, 4, big_endian) + 8};
    struct header_scan out = {0};
    struct chunk c;

    for (size_t at = FORM_BYTES; next_chunk(bytes, n_bytes, &at, SIZE_BYTES, big_endian, &c);) {
        const unsigned char *body = bytes + c.begin;
        if (memcmp(c.id, "ds64", 4) == 0 && c.n_bytes >= DS64_BYTES) {
            w.ds64_at = c.begin;
            w.n_bytes = number(body, 8, big_endian) + 8;
        } else if (memcmp(c.id, "fmt ", 4) == 0 && c.n_bytes >= FORMAT_BYTES) {
            w.format_tag = (unsigned)number(body, 2, big_endian);
            out.has_format = true;
            out.channels = (unsigned)number(body + 2, 2, big_endian);
            out.rate_hz = (unsigned)number(body + 4, 4, big_endian);
        } else if (memcmp(c.id, "data", 4) == 0) {
            scan_wave_data(&w, bytes, n_bytes, &c, &out);
            break;
        }
        at += c.n_bytes & 1 && at < n_bytes; /* chunks begin at even places */
    }
    return out;
}

/* CAF says -1 for a last data chunk of unknown size (Core Audio Format Specification 1.0), and
 * libsndfile refuses one that was cut short instead of giving what there is. */
static struct header_scan scan_caf(const unsigned char *bytes, size_t n_bytes)
{
    enum { SIZE_BYTES = 8, FILE_HEADER_BYTES = 8 };
    struct header_scan out = {0};
    struct chunk c;

    for (size_t at = FILE_HEADER_BYTES; next_chunk(bytes, n_bytes, &at, SIZE_BYTES, true, &c);)
        if (memcmp(c.id, "data", 4) == 0 && c.declared_bytes > c.n_bytes)
            out.patch = patch_number(c.begin - SIZE_BYTES, SIZE_BYTES, c.n_bytes, true);
    return out;
}

struct header_scan header_scan(const unsigned char *bytes, size_t n_bytes)
{
    enum { WAVE_BYTES = 12, CAF_BYTES = 8 };

    if (n_bytes >= WAVE_BYTES && memcmp(bytes + 8, "WAVE", 4) == 0) {
        if (memcmp(bytes, "RIFF", 4) == 0 || memcmp(bytes, "RF64", 4) == 0)
            return scan_wave(bytes, n_bytes, false);
        if (memcmp(bytes, "RIFX", 4) == 0)
            return scan_wave(bytes, n_bytes, true);
    }
    if (n_bytes >= CAF_BYTES && memcmp(bytes, "caff", 4) == 0)
        return scan_caf(bytes, n_bytes);
    return (struct header_scan){0};
}
