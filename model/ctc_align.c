#include "model/ctc_align.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "model/log_add.h"

/* How a path came to a state: from the same one, the one before, or the one before that. Two bits
 * each, four to a byte: the trellis is what limits the length that can be aligned. */
enum move { MOVE_STAY = 0, MOVE_NEXT = 1, MOVE_SKIP = 2 };

size_t ctc_min_frames(const uint32_t *labels, size_t n_labels)
{
    size_t frames = n_labels;
    for (size_t i = 1; i < n_labels; i++)
        frames += labels[i] == labels[i - 1];
    return frames;
}

enum asr_status ctc_check_labels(const struct ctc_problem *p, struct asr_error *err)
{
    for (size_t i = 0; i < p->n_labels; i++) {
        if (p->labels[i] >= p->n_tokens)
            return asr_fail(err, ASR_ERR_INVALID, "label %zu is %u, but the model has %zu tokens",
                            i, (unsigned)p->labels[i], p->n_tokens);
        if (p->labels[i] == p->blank)
            return asr_fail(err, ASR_ERR_INVALID, "label %zu is the blank", i);
    }
    return ASR_OK;
}

/* Even states are blanks. */
static uint32_t state_token(const struct ctc_problem *p, size_t state)
{
    return state % 2 ? p->labels[state / 2] : (uint32_t)p->blank;
}

static bool may_skip_to(const struct ctc_problem *p, size_t state)
{
    return state % 2 && state >= 3 && p->labels[state / 2] != p->labels[state / 2 - 1];
}

/* At frame t only these states lie on a path that starts in the first two and can still end in
 * the last two: two states a frame at the most. */
static void reachable(const struct ctc_problem *p, size_t t, size_t *begin, size_t *end)
{
    size_t states = 2 * p->n_labels + 1;
    size_t left = 2 * (p->frames - t);

    *begin = states > left ? states - left : 0;
    *end = 2 * t + 2 < states ? 2 * t + 2 : states;
}

static void clear_row(double *row, size_t states)
{
    for (size_t s = 0; s < states; s++)
        row[s] = -INFINITY;
}

enum asr_status ctc_total_log_probability(const struct ctc_problem *p, double *out,
                                          struct asr_error *err)
{
    size_t states = 2 * p->n_labels + 1;
    enum asr_status st = ctc_check_labels(p, err);
    if (st != ASR_OK)
        return st;
    /* before[s], now[s]: log-probability of all paths that are in state s after a frame. */
    double *rows = malloc(2 * states * sizeof(*rows));
    if (!rows)
        return asr_fail(err, ASR_ERR_NOMEM, "alignment of %zu labels: out of memory", p->n_labels);

    double *before = rows, *now = rows + states;
    clear_row(rows, 2 * states);
    before[0] = 0.0; /* ahead of the first frame: a virtual blank that costs nothing */
    for (size_t t = 0; t < p->frames; t++) {
        const float *posteriors = p->log_posteriors + t * p->n_tokens;
        size_t begin, end;
        reachable(p, t, &begin, &end);
        clear_row(now, states);
        for (size_t s = begin; s < end; s++) {
            double sum = before[s];
            if (s >= 1)
                sum = log_add(sum, before[s - 1]);
            if (may_skip_to(p, s))
                sum = log_add(sum, before[s - 2]);
            now[s] = sum + posteriors[state_token(p, s)];
        }
        double *swap = before;
        before = now;
        now = swap;
    }
    *out = states > 1 ? log_add(before[states - 1], before[states - 2]) : before[0];
    free(rows);
    return ASR_OK;
}

/* Best-path scores and how each was reached. */
struct trellis {
    double *before, *now; /* [states] */
    uint8_t *moves;       /* [frames, row_bytes] */
    size_t states, row_bytes;
};

static void trellis_free(struct trellis *tr)
{
    free(tr->before);
    free(tr->now);
    free(tr->moves);
}

static enum asr_status trellis_new(struct trellis *tr, const struct ctc_problem *p,
                                   size_t max_bytes, struct asr_error *err)
{
    *tr = (struct trellis){.states = 2 * p->n_labels + 1};
    tr->row_bytes = (tr->states + 3) / 4;
    if (p->frames > max_bytes / tr->row_bytes)
        return asr_fail(err, ASR_ERR_LIMIT,
                        "aligning %zu labels to %zu frames needs more than the limit of %zu bytes",
                        p->n_labels, p->frames, max_bytes);
    tr->before = malloc(tr->states * sizeof(*tr->before));
    tr->now = malloc(tr->states * sizeof(*tr->now));
    tr->moves = calloc(p->frames ? p->frames : 1, tr->row_bytes);
    if (!tr->before || !tr->now || !tr->moves) {
        trellis_free(tr);
        return asr_fail(err, ASR_ERR_NOMEM, "alignment of %zu labels: out of memory", p->n_labels);
    }
    return ASR_OK;
}

static void trellis_step(struct trellis *tr, const struct ctc_problem *p, size_t t)
{
    const float *posteriors = p->log_posteriors + t * p->n_tokens;
    uint8_t *moves = tr->moves + t * tr->row_bytes;
    size_t begin, end;

    reachable(p, t, &begin, &end);
    clear_row(tr->now, tr->states);
    for (size_t s = begin; s < end; s++) {
        enum move move = MOVE_STAY;
        double best = tr->before[s];
        if (s >= 1 && tr->before[s - 1] > best) {
            best = tr->before[s - 1];
            move = MOVE_NEXT;
        }
        if (may_skip_to(p, s) && tr->before[s - 2] > best) {
            best = tr->before[s - 2];
            move = MOVE_SKIP;
        }
        tr->now[s] = best + posteriors[state_token(p, s)];
        moves[s / 4] |= (uint8_t)(move << 2 * (s % 4));
    }
    double *swap = tr->before;
    tr->before = tr->now;
    tr->now = swap;
}

/* Walks back from `state` at the last frame, filling each label's run of frames. */
static void trace_back(const struct trellis *tr, const struct ctc_problem *p, size_t state,
                       struct hypothesis *out)
{
    for (size_t t = p->frames; t-- > 0;) {
        if (state % 2) {
            struct hypothesis_token *label = &out->tokens[state / 2];
            float log_posterior = p->log_posteriors[t * p->n_tokens + p->labels[state / 2]];
            if (label->log_posterior < log_posterior || label->first_frame == UINT32_MAX)
                label->log_posterior = log_posterior;
            if (label->first_frame == UINT32_MAX)
                label->last_frame = (uint32_t)t;
            label->first_frame = (uint32_t)t;
        }
        state -= tr->moves[t * tr->row_bytes + state / 4] >> 2 * (state % 4) & 3;
    }
}

static enum asr_status check_fit(const struct ctc_problem *p, struct asr_error *err)
{
    size_t needed = ctc_min_frames(p->labels, p->n_labels);
    if (needed > p->frames)
        return asr_fail(err, ASR_ERR_INVALID,
                        "the text needs at least %zu frames, the recording has %zu", needed,
                        p->frames);
    return ctc_check_labels(p, err);
}

enum asr_status ctc_align(const struct ctc_problem *p, size_t max_bytes, struct hypothesis *out,
                          struct asr_error *err)
{
    struct trellis tr;
    enum asr_status st = check_fit(p, err);

    if (st == ASR_OK)
        st = hypothesis_reserve(out, p->n_labels, err);
    if (st == ASR_OK)
        st = trellis_new(&tr, p, max_bytes, err);
    if (st != ASR_OK)
        return st;

    clear_row(tr.before, tr.states);
    tr.before[0] = 0.0;
    for (size_t t = 0; t < p->frames; t++)
        trellis_step(&tr, p, t);
    size_t last = tr.states - 1;
    if (last >= 1 && tr.before[last - 1] > tr.before[last])
        last--;
    out->log_probability = tr.before[last];
    out->n_tokens = p->n_labels;
    for (size_t i = 0; i < p->n_labels; i++)
        out->tokens[i] =
            (struct hypothesis_token){.token = p->labels[i], .first_frame = UINT32_MAX};
    if (out->log_probability == -INFINITY)
        st = asr_fail(err, ASR_ERR_INVALID,
                      "the text has no path through the recording: a frame "
                      "that it needs has probability zero");
    else
        trace_back(&tr, p, last, out);
    trellis_free(&tr);
    return st;
}
