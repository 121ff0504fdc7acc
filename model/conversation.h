/* conversation.h - the transcripts of a recording's channels, on one timeline.
 *
 * A call has a party a channel, and each was transcribed by itself. Here their words and segments
 * are put in order of time, and who talked how long is added up. What counts as talking is a
 * segment: its words and the short pauses between them (transcript.h, struct segment_rules).
 *
 *   talk of a party   the sum of its segments
 *   overlap           time in which two or more parties talk
 *   silence           time in which none does
 *
 * Hence silence + all talk - what is talked twice = duration; with two parties exactly
 * silence + talk[0] + talk[1] - overlap. */
#ifndef MODEL_CONVERSATION_H
#define MODEL_CONVERSATION_H

#include <stddef.h>

#include "audio/status.h"
#include "model/transcript.h"

struct party {
    const struct transcript *transcript;
    double talk_seconds;
};

struct spoken_word {
    const struct word *word;
    size_t channel; /* 0-based: into parties */
};

struct spoken_segment {
    const struct segment *segment;
    size_t channel;
};

struct conversation {
    struct party *parties;
    size_t n_parties;
    struct spoken_word *words; /* by start; of equal starts, the lower channel first */
    size_t n_words;
    struct spoken_segment *segments; /* likewise */
    size_t n_segments;
    double duration_seconds, overlap_seconds, silence_seconds;
};

/* transcripts[n_channels], at least one: borrowed, they must outlive *out. The duration is the
 * longest of theirs. Free with conversation_free(). */
enum asr_status conversation_new(struct conversation **out,
                                 const struct transcript *const *transcripts, size_t n_channels,
                                 struct asr_error *err);
void conversation_free(struct conversation *c); /* NULL is fine */

/* How many segments from `first` on are one party's turn: those up to the next of another. */
size_t conversation_turn(const struct conversation *c, size_t first);

#endif
