/* libraries.h - the names and versions of the audio libraries as loaded; static text. */
#ifndef AUDIO_LIBRARIES_H
#define AUDIO_LIBRARIES_H

const char *audio_library_sndfile(void); /* "libsndfile-1.2.0" */
const char *audio_library_soxr(void);    /* "libsoxr-0.1.3" */
const char *audio_library_fftw(void);    /* "fftw-3.3.10-..." */

#endif
