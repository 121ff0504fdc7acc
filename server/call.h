/* call.h - a recording with a party a channel: each transcribed by itself, all on one timeline.
 *
 * Channels that are the same bit for bit (dual mono: one microphone recorded twice) give the same
 * posteriors bit for bit, and are one party. What codecs have made different is not found. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/status.h"
#include "model/conversation.h"
#include "model/transcript.h"
#include "server/pipeline.h"

/* All zero is an empty one: call_free(). */
struct call {
    struct transcript **transcripts; /* [n_parties] */
    size_t n_parties;
    struct conversation *conversation;
    bool dual_mono; /* one party stands for all channels */
};

/* recording->channel does not matter. Errors as those of pipeline_run(); *out is then empty. */
enum asr_status call_transcribe(struct call *out, const struct pipeline *pipeline,
                                const struct ticket *ticket, const struct recording *recording,
                                const struct transcribe_options *options,
                                struct pipeline_times *times, struct asr_error *err);
void call_free(struct call *call);

#endif
