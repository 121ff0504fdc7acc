#include "audio/mpeg_frame.h"

#include <stdint.h>
#include <string.h>

enum { HEADER_BYTES = 4 };

/* The bits that never change inside a stream: sync, version, layer, sampling rate. */
static const unsigned char same_stream[HEADER_BYTES] = {0xff, 0xfe, 0x0c, 0x00};

/* kbit/s by [version 1 or 2][layer 1..3][index 1..14]. */
static const uint16_t bit_rates[2][3][14] = {
    {{32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
     {32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
     {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
    {{32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
     {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
     {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
};
static const uint16_t base_rates_hz[3] = {44100, 48000, 32000};

/* Bytes of the frame that the header h[HEADER_BYTES] opens; 0 when it is not a header. */
static size_t frame_bytes(const unsigned char *h)
{
    unsigned version = h[1] >> 3 & 3; /* 0: 2.5, 1: reserved, 2: 2, 3: 1 */
    unsigned layer = 4 - (h[1] >> 1 & 3);
    unsigned bit_rate = h[2] >> 4, rate = h[2] >> 2 & 3, padding = h[2] >> 1 & 1;

    if (h[0] != 0xff || (h[1] & 0xe0) != 0xe0 || version == 1 || layer == 4 || bit_rate == 0 ||
        bit_rate == 15 || rate == 3)
        return 0;
    bool first = version == 3;
    size_t bits = 1000 * (size_t)bit_rates[first ? 0 : 1][layer - 1][bit_rate - 1];
    size_t rate_hz = base_rates_hz[rate] >> (first ? 0 : version == 2 ? 1 : 2);
    if (layer == 1)
        return (12 * bits / rate_hz + padding) * 4;
    return (layer == 3 && !first ? 72 : 144) * bits / rate_hz + padding;
}

bool mpeg_frames_follow(const unsigned char *bytes, size_t n_bytes, size_t want)
{
    size_t at = 0;
    for (size_t found = 0; found < want; found++) {
        if (found > 0 && at == n_bytes)
            return true;
        if (n_bytes - at < HEADER_BYTES)
            return false;
        for (size_t i = 0; i < HEADER_BYTES; i++)
            if ((bytes[at + i] ^ bytes[i]) & same_stream[i])
                return false;
        size_t frame = frame_bytes(bytes + at);
        if (frame == 0 || (frame > n_bytes - at && found == 0))
            return false;
        at += frame < n_bytes - at ? frame : n_bytes - at;
    }
    return true;
}
