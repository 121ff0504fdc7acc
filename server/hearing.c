/* hearing.c - see hearing.h.
 *
 * Two windows of pieces take turns: one is filled by a worker (decode, features, cut) while the
 * pieces of the other wait for the network or are in it. Windows bound what a long recording holds,
 * and for how long it keeps a worker from others: 8 pieces of 20 seconds are filled in some 50 ms.
 */
#include "server/hearing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audio/front_end.h"
#include "audio/pieces.h"
#include "model/speechlike.h"
#include "model/timeline.h"
#include "server/worker.h"

/* Of pieces (audio/pieces.h). On calls, 0.5 to 2 s of context and pauses of 0.3 to 1 s make no
 * difference that can be told from chance; pieces of 10 s cost 0.5 % of the words, of 15 to 30 s
 * none. */
#define CONTEXT_SECONDS 1.0
#define MAX_PAUSE_SECONDS 0.5

/* A piece on its way through the network. */
struct slot {
    struct work work; /* first */
    struct track *track;
    struct utterance utterance;
    enum asr_status st;
    struct asr_error err;
    float *features; /* the utterance's */
    size_t rows_before, first_row,
        n_rows; /* of posteriors: heard only; the piece's own, and where */
    double speech_seconds;
};

struct window {
    struct slot slots[HEARING_PIECES];
    size_t n;
};

/* A channel, or the mean of all. */
struct track {
    struct pieces *pieces;
    struct timeline timeline;
};

struct hearing {
    struct work work; /* first: that of filling a window */
    const struct hearing_config *config;
    const struct recording *recording;
    const struct ticket *ticket;
    struct front_end *front_end; /* NULL: not begun */
    struct track *tracks;        /* one for each lane of the front end */
    size_t n_tracks;
    size_t frames; /* of features, so far, in each */
    bool ended;    /* there are no more features */
    bool cut;      /* nor pieces */
    struct window windows[2], *filling;
    enum asr_status st; /* of filling it */
    struct asr_error *err;
};

/* ---- on the threads that compute --------------------------------------------------------------
 */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static enum asr_status new_pieces(const struct hearing *h, struct pieces **out,
                                  struct asr_error *err)
{
    const struct fbank *fb = model_fbank(h->config->model);
    double frames_per_second = 1000 / fbank_config(fb)->frame_shift_ms;
    size_t stride = network_stride(model_network(h->config->model));
    size_t max = (size_t)(h->config->piece_seconds * frames_per_second);
    size_t context = (size_t)(CONTEXT_SECONDS * frames_per_second) / stride * stride;
    size_t max_pause = (size_t)(MAX_PAUSE_SECONDS * frames_per_second);
    /* A network of so long a stride that seconds are few of them gets the least that there can be.
     */
    const struct pieces_config config = {
        .max_frames = larger(max, 4 * context + 2 * stride),
        .context_frames = context,
        .max_pause_frames = larger(max_pause, 2 * stride + 1),
        .stride = stride,
    };

    return pieces_new(out, fb, &config, err);
}

static enum asr_status begin_tracks(struct hearing *h, struct asr_error *err)
{
    const struct model_config *config = model_config(h->config->model);
    enum asr_status st = ASR_OK;

    h->tracks = calloc(front_end_lanes(h->front_end), sizeof(*h->tracks));
    if (!h->tracks)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a recording's channels");
    h->n_tracks = front_end_lanes(h->front_end);
    for (size_t l = 0; l < h->n_tracks && st == ASR_OK; l++) {
        timeline_begin(&h->tracks[l].timeline, config->n_tokens, config->blank,
                       config->word_separator);
        st = new_pieces(h, &h->tracks[l].pieces, err);
    }
    return st;
}

static enum asr_status begin(struct hearing *h, struct asr_error *err)
{
    const struct recording *recording = h->recording;
    bool headerless = recording->raw.encoding != RAW_NONE;
    enum asr_status st = front_end_open(
        &h->front_end, model_fbank(h->config->model), recording->bytes, recording->n_bytes,
        headerless ? &recording->raw : NULL, recording->channel, &h->config->limits, err);

    return st == ASR_OK ? begin_tracks(h, err) : st;
}

static void slot_release(struct slot *slot)
{
    free(slot->features);
    free(slot->utterance.log_posteriors);
    *slot = (struct slot){.n_rows = 0};
}

/* Copies what is to be heard, for the stream goes on. */
static enum asr_status add_piece(struct hearing *h, struct track *track, const struct piece *piece,
                                 struct asr_error *err)
{
    const struct model *model = h->config->model;
    size_t bins = fbank_bins(model_fbank(model)), stride = network_stride(model_network(model));
    size_t frames = piece->heard_end - piece->heard_begin;
    size_t rows = model_posterior_frames(model, frames);
    size_t before = (piece->begin - piece->heard_begin) / stride;
    size_t own = (piece->end - piece->begin + stride - 1) / stride;
    struct slot *slot = &h->filling->slots[h->filling->n++];

    *slot = (struct slot){
        .work = {{.ticket = h->ticket, .frames = frames}, .kind = WORK_BATCHED},
        .track = track,
        .rows_before = before < rows ? before : rows,
        .first_row = piece->begin / stride,
        .speech_seconds =
            (double)piece->speech_frames * model_frame_seconds(model) / (double)stride,
    };
    slot->n_rows = own < rows - slot->rows_before ? own : rows - slot->rows_before;
    slot->features = malloc(frames * bins * sizeof(float));
    float *log_posteriors = malloc((rows * track->timeline.tokens + 1) * sizeof(float));
    slot->utterance = (struct utterance){slot->features, frames, log_posteriors};
    if (!slot->features || !log_posteriors)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a piece of %zu frames", frames);
    memcpy(slot->features, piece->features, frames * bins * sizeof(float));
    return ASR_OK;
}

/* The stream's next block. */
static enum asr_status push_block(struct hearing *h, struct worker *worker, struct asr_error *err)
{
    size_t frames;
    enum asr_status st = front_end_next(h->front_end, worker->front_end, &frames, err);

    h->ended = st == ASR_OK && frames == 0;
    for (size_t l = 0; l < h->n_tracks && st == ASR_OK; l++) {
        if (h->ended)
            pieces_finish(h->tracks[l].pieces);
        else
            st = pieces_push(h->tracks[l].pieces, front_end_features(h->front_end, l), frames, err);
    }
    h->frames += frames;
    return st;
}

/* From the first track that has one. */
static bool next_piece(const struct hearing *h, struct track **track, struct piece *piece)
{
    for (size_t l = 0; l < h->n_tracks; l++) {
        *track = &h->tracks[l];
        if (pieces_next((*track)->pieces, piece))
            return true;
    }
    return false;
}

static void fill(struct work *work, void *scratch)
{
    struct hearing *h = (struct hearing *)(void *)work;
    struct track *track;
    struct piece piece;

    h->st = h->front_end ? ASR_OK : begin(h, h->err);
    while (h->st == ASR_OK && !h->cut && h->filling->n < HEARING_PIECES) {
        if (next_piece(h, &track, &piece))
            h->st = add_piece(h, track, &piece, h->err);
        else if (h->ended)
            h->cut = true;
        else
            h->st = push_block(h, scratch, h->err);
    }
}

void hearing_run_batch(const struct model *model, void *scratch, struct work *const *works,
                       size_t count)
{
    const struct worker *worker = scratch;
    struct utterance utterances[BATCH_MAX] = {{0}};
    struct asr_error err = {ASR_OK, ""};

    for (size_t i = 0; i < count; i++)
        utterances[i] = ((const struct slot *)(const void *)works[i])->utterance;
    enum asr_status st = model_posteriors_batch(model, worker->model, utterances, count, &err);
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = (struct slot *)(void *)works[i];
        slot->st = st;
        slot->err = err;
    }
}

/* ---- on the requests' threads -----------------------------------------------------------------
 */

static enum asr_status fill_window(struct hearing *h, struct window *window,
                                   struct pipeline_times *times, struct asr_error *err)
{
    h->work = (struct work){{.ticket = h->ticket}, .kind = WORK_BEGIN, .run = fill};
    h->filling = window;
    h->err = err;
    enum asr_status st = sched_run(h->config->sched, &h->work, err);
    times->queue_ms += h->work.waited_ms;
    times->features_ms += h->work.computed_ms;
    return st == ASR_OK ? h->st : st;
}

static void submit_window(const struct hearing *h, struct window *window)
{
    struct work *works[HEARING_PIECES];

    for (size_t i = 0; i < window->n; i++)
        works[i] = &window->slots[i].work;
    sched_submit(h->config->sched, works, window->n);
}

/* What was heard, into the timeline, unless it turns out not to be speech. */
static enum asr_status lay(const struct hearing *h, const struct slot *slot, struct asr_error *err)
{
    struct timeline *timeline = &slot->track->timeline;
    const float *rows = slot->utterance.log_posteriors + slot->rows_before * timeline->tokens;

    if (!speechlike(rows, slot->n_rows, timeline->tokens, timeline->blank,
                    model_frame_seconds(h->config->model), slot->speech_seconds))
        return ASR_OK;
    return timeline_lay(timeline, slot->first_row, rows, slot->n_rows, err);
}

/* Waits for all that was submitted, whatever comes of it, and empties the window. */
static enum asr_status collect_window(struct hearing *h, struct window *window,
                                      struct pipeline_times *times, struct asr_error *err)
{
    enum asr_status st = ASR_OK;

    for (size_t i = 0; i < window->n; i++) {
        struct slot *slot = &window->slots[i];
        struct asr_error why;
        enum asr_status heard = sched_wait(h->config->sched, &slot->work, &why);
        if (heard == ASR_OK && slot->st != ASR_OK) {
            heard = slot->st;
            why = slot->err;
        }
        times->queue_ms += slot->work.waited_ms;
        times->recognize_ms += slot->work.computed_ms;
        times->batch = larger(times->batch, slot->work.batch);
        if (st == ASR_OK && heard != ASR_OK)
            st = asr_fail(err, heard, "%s", why.text);
        if (st == ASR_OK)
            st = lay(h, slot, err);
        slot_release(slot);
    }
    window->n = 0;
    return st;
}

static enum asr_status hear_windows(struct hearing *h, struct pipeline_times *times,
                                    struct asr_error *err)
{
    struct window *made = &h->windows[0], *heard = &h->windows[1];
    struct asr_error why;
    enum asr_status st = ASR_OK;

    while (st == ASR_OK && (!h->cut || heard->n > 0)) {
        if (!h->cut)
            st = fill_window(h, made, times, err);
        enum asr_status collected = collect_window(h, heard, times, &why);
        if (st == ASR_OK && collected != ASR_OK)
            st = asr_fail(err, collected, "%s", why.text);
        if (st != ASR_OK)
            break;
        submit_window(h, made);
        struct window *empty = heard;
        heard = made;
        made = empty;
    }
    for (size_t i = 0; i < made->n; i++)
        slot_release(&made->slots[i]);
    return st;
}

static void hearing_free(struct hearing *h)
{
    front_end_close(h->front_end);
    for (size_t l = 0; l < h->n_tracks; l++) {
        pieces_free(h->tracks[l].pieces);
        timeline_free(&h->tracks[l].timeline);
    }
    free(h->tracks);
    free(h);
}

void posteriors_free(struct posteriors *heard, size_t n_lanes)
{
    for (size_t l = 0; heard && l < n_lanes; l++)
        free(heard[l].log_posteriors);
    free(heard);
}

/* The tracks' timelines, which become the caller's. */
static enum asr_status hand_over(struct hearing *h, struct posteriors **out, struct asr_error *err)
{
    size_t rows = model_posterior_frames(h->config->model, h->frames);
    struct posteriors *heard = calloc(h->n_tracks, sizeof(*heard));
    enum asr_status st = ASR_OK;

    if (!heard)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu channels", h->n_tracks);
    for (size_t l = 0; l < h->n_tracks && st == ASR_OK; l++)
        st = timeline_extend(&h->tracks[l].timeline, rows, err);
    if (st != ASR_OK) {
        free(heard);
        return st;
    }
    for (size_t l = 0; l < h->n_tracks; l++) {
        struct timeline *timeline = &h->tracks[l].timeline;
        heard[l] = (struct posteriors){timeline->log_posteriors, timeline->frames, timeline->tokens,
                                       front_end_seconds(h->front_end)};
        timeline->log_posteriors = NULL;
    }
    *out = heard;
    return ASR_OK;
}

enum asr_status hearing_run(const struct hearing_config *config, const struct ticket *ticket,
                            const struct recording *recording, struct posteriors **out,
                            size_t *n_lanes, struct pipeline_times *times, struct asr_error *err)
{
    struct hearing *h = calloc(1, sizeof(*h));

    *out = NULL;
    *n_lanes = 0;
    if (!h)
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a recording");
    h->config = config;
    h->ticket = ticket;
    h->recording = recording;
    enum asr_status st = hear_windows(h, times, err);
    if (st == ASR_OK)
        st = hand_over(h, out, err);
    if (st == ASR_OK) {
        *n_lanes = h->n_tracks;
        times->audio_seconds = front_end_seconds(h->front_end);
    }
    hearing_free(h);
    return st;
}
