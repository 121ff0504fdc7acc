/* pieces.h - cuts a stream of features into pieces of bounded length, to be recognized each by
 * itself and put together again on the recording's timeline.
 *
 * A piece owns the frames [begin, end); no frame has two owners, and frames without one are not
 * speech. What is to be heard is [heard_begin, heard_end), which is more where speech goes on over
 * a cut: a recurrent network needs to hear what is before and after the frames that it is asked
 * about.
 *
 *   ...speech speech | speech speech...        |: the cut, end of one piece and begin of the next
 *        <--- heard by one --->
 *             <--- heard by the other --->     the same context on both sides
 *
 * Cuts are in the middle of the longest pause that there is to choose, or at the weakest frame.
 * Stretches without speech (voice_activity.h, hangover and all) that are longer than
 * max_pause_frames belong to no piece. A recording that fits into one piece is one piece with all
 * its frames, or none if nobody speaks.
 *
 * A struct pieces is state: one per stream, one thread at a time. */
#ifndef AUDIO_PIECES_H
#define AUDIO_PIECES_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/fbank.h"
#include "audio/status.h"

struct pieces_config {
    size_t max_frames;       /* heard by a piece: at least 4 * context_frames + 2 * stride */
    size_t context_frames;   /* on either side of a cut in speech; a multiple of the stride */
    size_t max_pause_frames; /* more than 2 * stride: longer ones belong to no piece */
    size_t stride;           /* frames heard for one that is recognized: cuts are at multiples */
};

struct piece {
    size_t begin, end;
    size_t heard_begin, heard_end;
    size_t speech_frames;  /* of those that it owns */
    const float *features; /* [heard_end - heard_begin, bins], until the next call */
};

struct pieces;

enum asr_status pieces_new(struct pieces **out, const struct fbank *fb,
                           const struct pieces_config *config, struct asr_error *err);
void pieces_free(struct pieces *pieces);  /* NULL is fine */
void pieces_reset(struct pieces *pieces); /* ready for another stream */

/* features[frames, bins], the next of the stream. Then pieces_next() until it is false. */
enum asr_status pieces_push(struct pieces *pieces, const float *features, size_t frames,
                            struct asr_error *err);

/* Nothing follows. Then pieces_next() until it is false. */
void pieces_finish(struct pieces *pieces);

/* The next piece, if enough has been pushed to know it; in order. */
bool pieces_next(struct pieces *pieces, struct piece *out);

#endif
