#define OV_EXCLUDE_STATIC_CALLBACKS /* of stdio files, unused here */
#include "audio/vorbis_header.h"

#include <string.h>
#include <vorbis/vorbisfile.h>

#include "audio/byte_view.h"

static size_t read_view(void *to, size_t size, size_t count, void *view)
{
    return size == 0 ? 0 : byte_view_read(view, to, size * count) / size;
}

bool vorbis_header_is_sound(const unsigned char *bytes, size_t n_bytes)
{
    /* Streams announce themselves in the file's first pages, before any page of data. */
    enum { PROBE_BYTES = 64 << 10 };
    static const char first_packet[] = "\x01vorbis";
    size_t probe = n_bytes < PROBE_BYTES ? n_bytes : PROBE_BYTES;
    struct byte_view view = {.bytes = bytes, .n_bytes = (int64_t)n_bytes};
    ov_callbacks forward_only = {.read_func = read_view};
    OggVorbis_File file;

    if (!memmem(bytes, probe, first_packet, sizeof(first_packet) - 1))
        return true;
    if (ov_test_callbacks(&view, &file, NULL, 0, forward_only) != 0)
        return false; /* and has cleaned up */
    ov_clear(&file);
    return true;
}
