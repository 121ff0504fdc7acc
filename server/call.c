#include "server/call.h"

#include <stdlib.h>
#include <string.h>

/* Where nobody says anything, channels are the same and mean nothing by it. */
static bool says_something(const struct posteriors *heard, size_t blank)
{
    for (size_t f = 0; f < heard->frames; f++) {
        const float *row = heard->log_posteriors + f * heard->tokens;
        for (size_t t = 0; t < heard->tokens; t++)
            if (row[t] > row[blank])
                return true;
    }
    return false;
}

static bool all_the_same(const struct posteriors *heard, size_t n_channels, size_t blank)
{
    size_t bytes = heard->frames * heard->tokens * sizeof(*heard->log_posteriors);

    for (size_t c = 1; c < n_channels; c++)
        if (heard[c].frames != heard->frames ||
            memcmp(heard[c].log_posteriors, heard->log_posteriors, bytes) != 0)
            return false;
    return n_channels > 1 && says_something(heard, blank);
}

static enum asr_status decode_parties(struct call *call, const struct pipeline *pipeline,
                                      const struct ticket *ticket, const struct posteriors *heard,
                                      const struct transcribe_options *options,
                                      struct pipeline_times *times, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    call->transcripts = calloc(call->n_parties, sizeof(struct transcript *));
    if (!call->transcripts)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu channels", call->n_parties);
    for (size_t p = 0; p < call->n_parties && st == ASR_OK; p++)
        st = pipeline_decode(pipeline, ticket, &heard[p], options, &call->transcripts[p], times,
                             err);
    if (st == ASR_OK)
        st = conversation_new(&call->conversation,
                              (const struct transcript *const *)call->transcripts, call->n_parties,
                              err);
    return st;
}

enum asr_status call_transcribe(struct call *out, const struct pipeline *pipeline,
                                const struct ticket *ticket, const struct recording *recording,
                                const struct transcribe_options *options,
                                struct pipeline_times *times, struct asr_error *err)
{
    struct posteriors *heard;
    size_t n_channels;
    enum asr_status st =
        pipeline_listen_each(pipeline, ticket, recording, &heard, &n_channels, times, err);

    *out = (struct call){0};
    if (st != ASR_OK)
        return st;
    out->dual_mono = all_the_same(heard, n_channels, model_config(pipeline_model(pipeline))->blank);
    out->n_parties = out->dual_mono ? 1 : n_channels;
    st = decode_parties(out, pipeline, ticket, heard, options, times, err);
    posteriors_free(heard, n_channels);
    if (st != ASR_OK)
        call_free(out);
    return st;
}

void call_free(struct call *call)
{
    conversation_free(call->conversation);
    for (size_t p = 0; call->transcripts && p < call->n_parties; p++)
        transcript_free(call->transcripts[p]);
    free(call->transcripts);
    *call = (struct call){0};
}
