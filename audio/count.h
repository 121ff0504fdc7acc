/* count.h - the number of elements of an array (not of a pointer). */
#ifndef AUDIO_COUNT_H
#define AUDIO_COUNT_H

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
