/* voice_activity.h - which frames of a recording are speech, as a stream over its features.
 *
 * Speech is what stands out of the noise, and keeps changing the shape of its spectrum, and is not
 * one or two tones. Line tones, steady noise, hum and silence fail one of these whatever their
 * level; hold music fails some of the time (voice_activity.c has the measurements and the
 * sources). In doubt a frame is speech: what is dropped here is never heard again.
 *
 * A struct voice_activity is state: one per stream, one thread at a time. */
#ifndef AUDIO_VOICE_ACTIVITY_H
#define AUDIO_VOICE_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/fbank.h"
#include "audio/status.h"

struct voice_frame {
    float level_db; /* above the noise, mean over the bands; 0: none of it stands out */
    bool active;    /* level_db is more than noise's own ups and downs */
    bool speech;    /* hangover included */
};

struct voice_activity;

/* For features of `fb`, of which a second of rounding noise is measured: nothing under it counts.
 */
enum asr_status voice_activity_new(struct voice_activity **out, const struct fbank *fb,
                                   struct asr_error *err);
void voice_activity_free(struct voice_activity *va);  /* NULL is fine */
void voice_activity_reset(struct voice_activity *va); /* ready for another stream */

/* A frame is decided when this many more have been seen, or at the end. */
size_t voice_activity_delay(const struct voice_activity *va);

/* features[frames, bins] -> out[]: the next frames that are decided, in order; returns their
 * number. Room for frames + voice_activity_delay(). Pieces of any size give what the whole gives.
 * Neither allocates, so neither can fail. */
size_t voice_activity_push(struct voice_activity *va, const float *features, size_t frames,
                           struct voice_frame *out);

/* The rest, after the last push; room for voice_activity_delay(). */
size_t voice_activity_finish(struct voice_activity *va, struct voice_frame *out);

#endif
