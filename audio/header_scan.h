/* header_scan.h - a look through WAV, RF64 and CAF headers for what libsndfile makes too little of.
 *
 * A program that writes to a pipe, or dies while it records, leaves a header that does not know
 * the recording's length. libsndfile understands some of the ways of saying so and takes the
 * others for an empty or broken file. */
#ifndef AUDIO_HEADER_SCAN_H
#define AUDIO_HEADER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/byte_view.h"

struct header_scan {
    struct byte_patch patch; /* gives the recording the length that the file has */
    bool has_format;         /* and if so: */
    unsigned rate_hz, channels;
    bool is_mpeg; /* a WAV around an MPEG stream of: */
    size_t mpeg_begin, mpeg_bytes;
};

/* All zero when the bytes are another container or need no help. */
struct header_scan header_scan(const unsigned char *bytes, size_t n_bytes);

#endif
