/* speechlike.h - whether the posteriors of a stretch of sound are those of speech: music that has
 * come past voice activity detection makes the network see letters here and there, without knowing
 * which. */
#ifndef MODEL_SPEECHLIKE_H
#define MODEL_SPEECHLIKE_H

#include <stdbool.h>
#include <stddef.h>

/* log_posteriors[frames, tokens], frame_seconds each. speech_seconds: for how much of the stretch a
 * voice was found; what is short cannot be told and is speech. */
bool speechlike(const float *log_posteriors, size_t frames, size_t tokens, size_t blank,
                double frame_seconds, double speech_seconds);

#endif
