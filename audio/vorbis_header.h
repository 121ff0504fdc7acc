/* vorbis_header.h - whether an Ogg file's Vorbis headers can be read.
 *
 * libsndfile 1.2.0 asks only when it is too late: where libvorbis refuses the headers, some
 * 6 kB stay allocated for good, and an attacker has all day. */
#ifndef AUDIO_VORBIS_HEADER_H
#define AUDIO_VORBIS_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* True too when the bytes are not Vorbis at all. */
bool vorbis_header_is_sound(const unsigned char *bytes, size_t n_bytes);

#endif
