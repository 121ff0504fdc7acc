/* libraries.h - which builds of the audio libraries this process runs with, for bug reports. */
#ifndef AUDIO_LIBRARIES_H
#define AUDIO_LIBRARIES_H

/* Static texts such as "libsndfile-1.2.0"; NULL past the last `index`. */
const char *audio_library(unsigned index);

#endif
