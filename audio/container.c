#include "audio/container.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "audio/count.h"
#include "audio/mpeg_frame.h"

enum {
    TEXT_PROBE_BYTES = 1024,
    /* Recordings cut out of a stream begin in the middle of a frame, and some taggers leave junk
     * between the tag and the first frame. */
    MPEG_JUNK_BYTES = 64 << 10,
    MPEG_FRAMES_AT_START = 2,
    MPEG_FRAMES_AFTER_JUNK = 4,
};

/* Both strings must match; an empty `second` always does. The first match wins. */
struct signature {
    enum container_kind kind;
    const char *name;
    size_t first_at;
    const char *first;
    size_t first_bytes;
    size_t second_at;
    const char *second; /* four bytes, or NULL */
};

#define AT(offset, text) (offset), (text), sizeof(text) - 1
#define AND(offset, text) (offset), (text)
#define ALONE 0, NULL

static const struct signature signatures[] = {
    {CONTAINER_SNDFILE, "WAV", AT(0, "RIFF"), AND(8, "WAVE")},
    {CONTAINER_SNDFILE, "WAV", AT(0, "RIFX"), AND(8, "WAVE")},
    {CONTAINER_SNDFILE, "RF64", AT(0, "RF64"), AND(8, "WAVE")},
    {CONTAINER_SNDFILE, "W64", AT(0, "riff\x2e\x91\xcf\x11"), ALONE},
    {CONTAINER_SNDFILE, "AIFF", AT(0, "FORM"), AND(8, "AIFF")},
    {CONTAINER_SNDFILE, "AIFF-C", AT(0, "FORM"), AND(8, "AIFC")},
    {CONTAINER_SNDFILE, "AU", AT(0, ".snd"), ALONE},
    {CONTAINER_SNDFILE, "AU", AT(0, "dns."), ALONE},
    {CONTAINER_SNDFILE, "CAF", AT(0, "caff"), ALONE},
    {CONTAINER_SNDFILE, "FLAC", AT(0, "fLaC"), ALONE},
    {CONTAINER_SNDFILE, "Ogg", AT(0, "OggS"), ALONE},
    {CONTAINER_SNDFILE, "NIST SPHERE", AT(0, "NIST_1A"), ALONE},
    {CONTAINER_FOREIGN, "an AVI film", AT(0, "RIFF"), AND(8, "AVI ")},
    {CONTAINER_FOREIGN, "MP4 or M4A", AT(4, "ftyp"), ALONE},
    {CONTAINER_FOREIGN, "a QuickTime film", AT(4, "moov"), ALONE},
    {CONTAINER_FOREIGN, "a QuickTime film", AT(4, "mdat"), ALONE},
    {CONTAINER_FOREIGN, "WebM or Matroska", AT(0, "\x1a\x45\xdf\xa3"), ALONE},
    {CONTAINER_FOREIGN, "AMR", AT(0, "#!AMR"), ALONE},
    {CONTAINER_FOREIGN, "SILK", AT(0, "#!SILK"), ALONE},
    {CONTAINER_FOREIGN, "SILK", AT(1, "#!SILK"), ALONE},
    {CONTAINER_FOREIGN, "WMA or ASF", AT(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"), ALONE},
    {CONTAINER_FOREIGN, "AAC (ADTS)", AT(0, "\xff\xf1"), ALONE},
    {CONTAINER_FOREIGN, "AAC (ADTS)", AT(0, "\xff\xf9"), ALONE},
    {CONTAINER_FOREIGN, "AAC (ADIF)", AT(0, "ADIF"), ALONE},
    {CONTAINER_FOREIGN, "WavPack", AT(0, "wvpk"), ALONE},
    {CONTAINER_FOREIGN, "Monkey's Audio", AT(0, "MAC "), ALONE},
    {CONTAINER_FOREIGN, "Shorten", AT(0, "ajkg"), ALONE},
    {CONTAINER_FOREIGN, "True Audio", AT(0, "TTA1"), ALONE},
    {CONTAINER_FOREIGN, "DSD", AT(0, "DSD "), ALONE},
    {CONTAINER_FOREIGN, "RealAudio", AT(0, ".ra\xfd"), ALONE},
    {CONTAINER_FOREIGN, "RealMedia", AT(0, ".RMF"), ALONE},
    {CONTAINER_FOREIGN, "Flash video", AT(0, "FLV\x01"), ALONE},
    {CONTAINER_FOREIGN, "MIDI", AT(0, "MThd"), ALONE},
    {CONTAINER_FOREIGN, "an MPEG film", AT(0, "\x00\x00\x01\xba"), ALONE},
    {CONTAINER_FOREIGN, "a ZIP archive", AT(0, "PK\x03\x04"), ALONE},
    {CONTAINER_FOREIGN, "a gzip file", AT(0, "\x1f\x8b"), ALONE},
    {CONTAINER_FOREIGN, "PDF", AT(0, "%PDF-"), ALONE},
    {CONTAINER_FOREIGN, "a PNG image", AT(0, "\x89PNG"), ALONE},
    {CONTAINER_FOREIGN, "a JPEG image", AT(0, "\xff\xd8\xff"), ALONE},
};

static bool has_at(const unsigned char *bytes, size_t n_bytes, size_t at, const char *want,
                   size_t want_bytes)
{
    return n_bytes >= at + want_bytes && memcmp(bytes + at, want, want_bytes) == 0;
}

static const struct signature *find_signature(const unsigned char *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < COUNT(signatures); i++) {
        const struct signature *s = &signatures[i];
        if (has_at(bytes, n_bytes, s->first_at, s->first, s->first_bytes) &&
            (!s->second || has_at(bytes, n_bytes, s->second_at, s->second, 4)))
            return s;
    }
    return NULL;
}

/* The size of the ID3v2 tags at the start: ten bytes of header, whose last four are the size of
 * the rest in seven bits each (id3v2.4.0-structure.txt, 3.1). */
static size_t id3_bytes(const unsigned char *bytes, size_t n_bytes)
{
    enum { HEADER_BYTES = 10, FOOTER_FLAG = 0x10 };
    size_t at = 0;
    while (n_bytes - at >= HEADER_BYTES && memcmp(bytes + at, "ID3", 3) == 0) {
        const unsigned char *h = bytes + at;
        if ((h[6] | h[7] | h[8] | h[9]) & 0x80)
            break;
        size_t size = (size_t)h[6] << 21 | (size_t)h[7] << 14 | (size_t)h[8] << 7 | h[9];
        size += h[5] & FOOTER_FLAG ? 2 * HEADER_BYTES : HEADER_BYTES;
        if (size > n_bytes - at)
            return n_bytes;
        at += size;
    }
    return at;
}

static bool looks_like_text(const unsigned char *bytes, size_t n_bytes)
{
    if (has_at(bytes, n_bytes, 0, "\xff\xfe", 2) || has_at(bytes, n_bytes, 0, "\xfe\xff", 2))
        return true; /* the byte order mark of UTF-16 */
    size_t probe = n_bytes < TEXT_PROBE_BYTES ? n_bytes : TEXT_PROBE_BYTES;
    for (size_t i = 0; i < probe; i++)
        if ((bytes[i] < 0x20 && !strchr("\t\n\f\r", bytes[i])) || bytes[i] == 0 || bytes[i] == 0x7f)
            return false;
    return probe > 0;
}

/* Where the first of enough consecutive MPEG audio frames begins, or n_bytes. */
static size_t find_mpeg(const unsigned char *bytes, size_t n_bytes, size_t begin)
{
    if (mpeg_frames_follow(bytes + begin, n_bytes - begin, MPEG_FRAMES_AT_START))
        return begin;
    for (size_t at = begin; at < n_bytes && at - begin < MPEG_JUNK_BYTES; at++)
        if (mpeg_frames_follow(bytes + at, n_bytes - at, MPEG_FRAMES_AFTER_JUNK))
            return at;
    return n_bytes;
}

struct container container_sniff(const unsigned char *bytes, size_t n_bytes)
{
    size_t begin = id3_bytes(bytes, n_bytes);
    const struct signature *s = find_signature(bytes + begin, n_bytes - begin);
    if (s)
        return (struct container){s->kind, s->name, begin};
    size_t mpeg = find_mpeg(bytes, n_bytes, begin);
    if (mpeg < n_bytes)
        return (struct container){CONTAINER_MPEG, "MP3", mpeg};
    if (begin == 0 && looks_like_text(bytes, n_bytes))
        return (struct container){CONTAINER_TEXT, "text", 0};
    return (struct container){CONTAINER_UNKNOWN, NULL, begin};
}
