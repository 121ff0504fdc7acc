/* speechlike.c - see speechlike.h.
 *
 * Two measures of what is not given to the blank: `certainty`, the share of it that the best letter
 * of each frame gets, and `density`, the share of the time in which there is a voice that it makes.
 * By the shipped model, in pieces of at least MIN_SECONDS:
 *
 *                                       density        certainty
 *   LibriSpeech test-clean, 16 kHz      from 0.23      from 0.84
 *   the same as telephone audio         from 0.24      from 0.77
 *   calls of such telephone audio       from 0.29      from 0.74
 *   in pink noise, 0 dB                 from 0.43      from 0.47
 *   synthetic music, 8 and 16 kHz       0.09 to 0.23   0.59 to 0.67
 *
 * Speech that is hard to recognize lacks certainty, words far apart lack density: it is music only
 * if it lacks both. */
#include "model/speechlike.h"

#include <math.h>

#define MIN_SECONDS 5.0
#define MUSIC_DENSITY 0.25
#define MUSIC_CERTAINTY 0.70

bool speechlike(const float *log_posteriors, size_t frames, size_t tokens, size_t blank,
                double frame_seconds, double speech_seconds)
{
    double letters = 0, best_letters = 0;

    if (speech_seconds < MIN_SECONDS)
        return true;
    for (size_t t = 0; t < frames; t++, log_posteriors += tokens) {
        float best = -INFINITY;
        for (size_t k = 0; k < tokens; k++)
            if (k != blank)
                best = fmaxf(best, log_posteriors[k]);
        letters += 1 - exp((double)log_posteriors[blank]);
        best_letters += exp((double)best);
    }
    return letters * frame_seconds >= MUSIC_DENSITY * speech_seconds ||
           best_letters >= MUSIC_CERTAINTY * letters;
}
