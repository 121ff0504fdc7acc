/* container.h - what kind of file some bytes are, by their first bytes.
 *
 * Only what is listed here reaches libsndfile. It guesses by itself too, but its guesses include
 * a score of rare formats whose parsers have a poor record on hostile input, a resource fork
 * looked up in the working directory, and an MPEG test that a UTF-16 text file passes. */
#ifndef AUDIO_CONTAINER_H
#define AUDIO_CONTAINER_H

#include <stddef.h>

enum container_kind {
    CONTAINER_UNKNOWN,
    CONTAINER_TEXT,    /* not audio at all */
    CONTAINER_FOREIGN, /* recognised, and not one we decode */
    CONTAINER_MPEG,    /* MP3, MP2, MP1: for libmpg123 */
    CONTAINER_SNDFILE, /* for libsndfile */
};

struct container {
    enum container_kind kind;
    const char *name;   /* static text for people; NULL when unknown */
    size_t audio_begin; /* leading ID3 tags and, for MPEG audio, junk end here */
};

struct container container_sniff(const unsigned char *bytes, size_t n_bytes);

#endif
