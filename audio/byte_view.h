/* byte_view.h - bytes in memory read as a file, for the decoding libraries' callbacks.
 *
 * One field of a few bytes may be overlaid, so that a wrong length in a header can be put right
 * without copying the recording (header_scan.h). */
#ifndef AUDIO_BYTE_VIEW_H
#define AUDIO_BYTE_VIEW_H

#include <stddef.h>
#include <stdint.h>

struct byte_patch {
    uint64_t at;
    size_t n_bytes; /* 0: nothing overlaid */
    unsigned char bytes[8];
};

struct byte_view {
    const unsigned char *bytes; /* borrowed */
    int64_t n_bytes, position;
    struct byte_patch patch;
};

/* As lseek(): past the end is allowed and nothing is read there; before the start gives -1. */
int64_t byte_view_seek(struct byte_view *view, int64_t offset, int whence);

/* As read(): up to `count` bytes, 0 at the end. */
size_t byte_view_read(struct byte_view *view, void *to, size_t count);

#endif
