/* mpeg_frame.h - headers of MPEG-1, 2 and 2.5 audio frames (ISO/IEC 11172-3, 13818-3), as far as
 * telling them from other bytes needs. */
#ifndef AUDIO_MPEG_FRAME_H
#define AUDIO_MPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `want` headers of one and the same stream follow each other from bytes[0] on. A stream
 * that ends sooner passes if it ends exactly behind its last frame. Eleven bits of sync alone
 * are in every 2,000th place of random bytes. Free-format streams are not recognised. */
bool mpeg_frames_follow(const unsigned char *bytes, size_t n_bytes, size_t want);

#endif
