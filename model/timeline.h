/* timeline.h - the posteriors of a recording, put together from those of its pieces.
 *
 * Where no piece was laid, frames are certain blanks, and in the middle of such a stretch between
 * two pieces a word ends: neither has heard the other, so none has said so. */
#ifndef MODEL_TIMELINE_H
#define MODEL_TIMELINE_H

#include <stddef.h>

#include "audio/status.h"

/* All zero is an empty one: timeline_free(). */
struct timeline {
    float *log_posteriors; /* [frames, tokens], natural log */
    size_t frames, tokens;
    size_t blank, separator;
    size_t capacity_frames;
};

void timeline_free(struct timeline *timeline);

/* Empty, for posteriors of `tokens`; its memory is reused. */
void timeline_begin(struct timeline *timeline, size_t tokens, size_t blank, size_t separator);

/* Blanks at the end until there are `frames` in all; nothing if there are already. */
enum asr_status timeline_extend(struct timeline *timeline, size_t frames, struct asr_error *err);

/* log_posteriors[frames, tokens] from frame `begin` on; the timeline grows to hold them. */
enum asr_status timeline_lay(struct timeline *timeline, size_t begin, const float *log_posteriors,
                             size_t frames, struct asr_error *err);

#endif
