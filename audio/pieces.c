/* pieces.c - see pieces.h.
 *
 * A window of the stream is held: max_frames of it, what voice activity has not decided yet, and
 * the block that was pushed last. Its first frames are those that the next piece may need as
 * context. While all of the recording so far would fit into one piece, nothing is cut. */
#include "audio/pieces.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "audio/voice_activity.h"

struct pieces {
    struct pieces_config config;
    size_t bins;
    struct voice_activity *voice_activity;
    size_t capacity;            /* frames */
    float *features;            /* [capacity, bins], of frames [held, pushed) */
    struct voice_frame *voices; /* [capacity + delay], of frames [held, decided) */
    size_t held, decided, pushed;
    size_t next;    /* frame: where the next piece may begin; a multiple of the stride */
    bool in_speech; /* `next` is a cut in speech */
    bool finished;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t less(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

static size_t stride_below(const struct pieces *p, size_t frame)
{
    return frame - frame % p->config.stride;
}

static const struct voice_frame *voice_at(const struct pieces *p, size_t frame)
{
    return &p->voices[frame - p->held];
}

enum asr_status pieces_new(struct pieces **out, const struct fbank *fb,
                           const struct pieces_config *config, struct asr_error *err)
{
    struct pieces *p = calloc(1, sizeof(*p));

    assert(config->stride > 0 && config->context_frames % config->stride == 0);
    assert(config->max_frames >= 4 * config->context_frames + 2 * config->stride);
    assert(config->max_pause_frames > 2 * config->stride);
    *out = NULL;
    if (!p)
        return asr_fail(err, ASR_ERR_NOMEM, "pieces: out of memory");
    p->config = *config;
    p->bins = fbank_bins(fb);
    enum asr_status st = voice_activity_new(&p->voice_activity, fb, err);
    if (st != ASR_OK) {
        pieces_free(p);
        return st;
    }
    *out = p;
    return ASR_OK;
}

void pieces_free(struct pieces *p)
{
    if (!p)
        return;
    voice_activity_free(p->voice_activity);
    free(p->features);
    free(p->voices);
    free(p);
}

void pieces_reset(struct pieces *p)
{
    voice_activity_reset(p->voice_activity);
    p->held = p->decided = p->pushed = p->next = 0;
    p->in_speech = p->finished = false;
}

/* ---- the window --------------------------------------------------------------------------------
 */

static void forget(struct pieces *p)
{
    size_t keep = less(p->next, p->in_speech ? p->config.context_frames : 0), gone = keep - p->held;

    if (gone == 0)
        return;
    memmove(p->features, p->features + gone * p->bins,
            (p->pushed - keep) * p->bins * sizeof(*p->features));
    memmove(p->voices, p->voices + gone, (p->decided - keep) * sizeof(*p->voices));
    p->held = keep;
}

/* Room for `frames` in the window. */
static enum asr_status reserve(struct pieces *p, size_t frames, struct asr_error *err)
{
    size_t delay = voice_activity_delay(p->voice_activity), capacity = frames + frames / 2;

    if (frames <= p->capacity)
        return ASR_OK;
    float *features = realloc(p->features, capacity * p->bins * sizeof(*features));
    if (features)
        p->features = features;
    struct voice_frame *voices = realloc(p->voices, (capacity + delay) * sizeof(*voices));
    if (voices)
        p->voices = voices;
    if (!features || !voices)
        return asr_fail(err, ASR_ERR_NOMEM, "pieces: no memory for %zu frames", capacity);
    p->capacity = capacity;
    return ASR_OK;
}

enum asr_status pieces_push(struct pieces *p, const float *features, size_t frames,
                            struct asr_error *err)
{
    forget(p);
    enum asr_status st = reserve(p, p->pushed - p->held + frames, err);
    if (st != ASR_OK || frames == 0)
        return st;
    memcpy(p->features + (p->pushed - p->held) * p->bins, features,
           frames * p->bins * sizeof(*features));
    p->pushed += frames;
    p->decided += voice_activity_push(p->voice_activity, features, frames,
                                      p->voices + (p->decided - p->held));
    return ASR_OK;
}

void pieces_finish(struct pieces *p)
{
    if (p->voices) /* else nothing was pushed */
        p->decided += voice_activity_finish(p->voice_activity, p->voices + (p->decided - p->held));
    assert(p->decided == p->pushed);
    p->finished = true;
}

/* ---- where to cut ------------------------------------------------------------------------------
 */

/* The first frame from `from` on, and before `to`, that is speech, or is not; `to` if there is
 * none. */
static size_t find_speech(const struct pieces *p, size_t from, size_t to, bool speech)
{
    while (from < to && voice_at(p, from)->speech != speech)
        from++;
    return from;
}

/* The middle of the longest run of frames in [from, to) of which none is active; `to` if all are.
 */
static size_t longest_pause(const struct pieces *p, size_t from, size_t to)
{
    size_t cut = to, longest = 0, run = 0;

    for (size_t t = from; t < to; t++) {
        run = voice_at(p, t)->active ? 0 : run + 1;
        if (run > longest) {
            longest = run;
            cut = t + 1 - run / 2;
        }
    }
    return cut;
}

static size_t weakest_frame(const struct pieces *p, size_t from, size_t to)
{
    size_t weakest = from;

    for (size_t t = from; t < to; t++)
        if (voice_at(p, t)->level_db < voice_at(p, weakest)->level_db)
            weakest = t;
    return weakest;
}

/* A cut in the second half of what a piece from `begin` on can own, so that none is short. */
static size_t find_cut(const struct pieces *p, size_t begin, size_t max_own)
{
    size_t from = begin + max_own / 2, to = begin + max_own;
    size_t cut = longest_pause(p, from, to);

    return stride_below(p, cut < to ? cut : weakest_frame(p, from, to));
}

/* Where the speech from `from` on ends: before a pause of more than max_pause_frames, or of any
 * length that reaches `to`. */
static size_t speech_end(const struct pieces *p, size_t from, size_t to)
{
    size_t end = find_speech(p, from, to, false);

    for (;;) {
        size_t again = find_speech(p, end, to, true);
        if (again == to || again - end > p->config.max_pause_frames)
            return end;
        end = find_speech(p, again, to, false);
    }
}

/* ---- pieces ------------------------------------------------------------------------------------
 */

static void give(struct pieces *p, size_t end, bool cut, struct piece *out)
{
    size_t context = p->config.context_frames;

    out->begin = p->next;
    out->end = end;
    out->speech_frames = 0;
    for (size_t t = p->next; t < end; t++)
        out->speech_frames += voice_at(p, t)->speech;
    out->heard_begin = less(p->next, p->in_speech ? context : 0);
    out->heard_end = smaller(end + (cut ? context : 0), p->pushed);
    out->features = p->features + (out->heard_begin - p->held) * p->bins;
    p->next = end;
    p->in_speech = cut;
}

/* Moves p->next over what is not speech. False: nothing but that is in sight. */
static bool skip_to_speech(struct pieces *p)
{
    size_t start = find_speech(p, p->next, p->decided, true);

    if (p->in_speech && start - p->next <= p->config.max_pause_frames)
        return start < p->decided;
    size_t begin = stride_below(p, start);
    p->next = begin > p->next ? begin : p->next;
    p->in_speech = false;
    return start < p->decided;
}

/* Speech begins soon after p->next, and enough is known of what follows. */
static void cut_piece(struct pieces *p, struct piece *out)
{
    const struct pieces_config *config = &p->config;
    size_t longest = config->max_frames - (p->in_speech ? config->context_frames : 0);
    size_t limit = p->next + longest;
    size_t start = find_speech(p, p->next, p->decided, true);
    size_t speech = speech_end(p, start, smaller(p->decided, limit + config->max_pause_frames + 1));
    size_t end = stride_below(p, speech + config->stride - 1);

    end = smaller(end, p->decided);
    if (end <= limit)
        give(p, end, false, out);
    else
        give(p, find_cut(p, p->next, longest - config->context_frames), true, out);
}

bool pieces_next(struct pieces *p, struct piece *out)
{
    const struct pieces_config *config = &p->config;

    if (p->pushed <= config->max_frames) { /* so far it fits into one */
        if (!p->finished || p->next == p->pushed || find_speech(p, 0, p->pushed, true) == p->pushed)
            return false;
        give(p, p->pushed, false, out);
        return true;
    }
    if (!skip_to_speech(p))
        return false;
    if (!p->finished && p->decided - p->next <= config->max_frames + config->max_pause_frames)
        return false;
    cut_piece(p, out);
    return true;
}
