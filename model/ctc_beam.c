/* ctc_beam.c - see ctc_beam.h.
 *
 * A beam is an array of at most beam_width entries (beam_entry.h), in the order in which they
 * joined it. An entry is a prefix with two sums over its paths, and the best path of each kind.
 * One frame is:
 *
 *   1. tokens worth trying are collected once, best first;
 *   2. each entry's sums move on by blank, by its last label again, and by what its parent adds
 *      (the parent is in the beam too: this is where two ways to the same labels merge);
 *   3. each entry is extended by each token for which there is no entry yet. An extension is a
 *      score and a few numbers; as soon as beam_width candidates are known, whatever is surely
 *      below the worst of them is not even written down (candidates.h), and since tokens come best
 *      first the rest of the row is skipped. A frame costs beam_width x tokens sums and comparisons
 *      at the worst;
 *   4. the best beam_width candidates become the next beam.
 *
 * With a language model or phrases an entry's score has a second part, which is known to its node
 * in the tree of prefixes (prefix_tree.h). Where that part could raise a score, the rest of the
 * row is skipped with its greatest gain allowed for. The word separator is looked at first and
 * by itself, because only there the language model is asked, once for each node, and mostly what it
 * has been asked already (ngram_memo.h).
 *
 * Labels live in two pools: `tree` makes a prefix unique, `runs` holds where the labels of best
 * paths lie (label_path.h), which differs between two entries that share labels. Both are collected
 * when full (chain_pool.h): memory is in proportion to beam_width plus the labels still reachable,
 * some 150 bytes a label, however long the stream.
 *
 * Rejected: a hash map of prefixes built anew in every frame (its order leaks into ties, and it
 * was most of the time of decoders that do so); floats (sums of an hour lose their fraction). */
#include "model/ctc_beam.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/beam_entry.h"
#include "model/candidates.h"
#include "model/chain_pool.h"
#include "model/frame_tokens.h"
#include "model/label_path.h"
#include "model/ngram_memo.h"
#include "model/prefix_tree.h"

#define NONE CHAIN_NONE

const struct ctc_beam_config ctc_beam_defaults = {
    .beam_width = 64,
    .max_tokens = 0,
    .min_log_posterior = -7.0f,
    .score_margin = 12.0f,
};

struct ctc_beam {
    struct ctc_beam_config config;
    size_t n_tokens;
    uint32_t blank;
    const struct fusion *fusion, *next_fusion; /* NULL: none; as of the next start */
    uint32_t *letters;  /* [n_tokens] the bit of each token's first byte (fusion_reach) */
    uint32_t separator; /* NONE without fusion: a token like others */
    struct ngram_memo memo;
    bool separator_tried;
    uint32_t frame;
    struct chain_pool tree, runs;
    struct beam_entry *now, *next;         /* [beam_width] */
    struct best_paths *paths, *next_paths; /* [beam_width] of `now` and `next` */
    size_t n_now;
    uint32_t *moved;        /* [beam_width] where in `next` each entry of `now` is, or NONE */
    struct beam_sums *sums; /* [beam_width] of `now`, one frame on */
    double *scores;         /* [beam_width] the same with the bonus */
    struct frame_tokens tokens;
    const float *row; /* of `tokens` */
    struct candidates candidates;
};

static enum asr_status check_config(const struct ctc_beam_config *config, struct asr_error *err)
{
    if (config->beam_width < 1 || config->beam_width > CTC_BEAM_MAX_WIDTH)
        return asr_fail(err, ASR_ERR_INVALID, "beam width %zu is not between 1 and %d",
                        config->beam_width, CTC_BEAM_MAX_WIDTH);
    if (!(config->min_log_posterior <= 0.0f))
        return asr_fail(err, ASR_ERR_INVALID, "least log-posterior %g of a token is not below 0",
                        (double)config->min_log_posterior);
    if (!(config->score_margin > 0.0f))
        return asr_fail(err, ASR_ERR_INVALID, "score margin %g is not above 0",
                        (double)config->score_margin);
    return ASR_OK;
}

enum asr_status ctc_beam_new(struct ctc_beam **out, size_t n_tokens, size_t blank,
                             const struct ctc_beam_config *config, struct asr_error *err)
{
    enum asr_status st = check_config(config, err);
    *out = NULL;
    if (st != ASR_OK)
        return st;
    assert(n_tokens > 0 && blank < n_tokens);

    size_t width = config->beam_width;
    struct ctc_beam *beam = calloc(1, sizeof(*beam));
    if (!beam)
        return asr_fail(err, ASR_ERR_NOMEM, "decoder: out of memory");
    *beam = (struct ctc_beam){.config = *config, .n_tokens = n_tokens, .blank = (uint32_t)blank};
    beam->tree.item_bytes = sizeof(struct prefix_node);
    beam->runs.item_bytes = sizeof(struct label_run);
    const struct {
        void **slot;
        size_t count, bytes;
    } want[] = {
        {(void **)&beam->now, width, sizeof(*beam->now)},
        {(void **)&beam->next, width, sizeof(*beam->next)},
        {(void **)&beam->paths, width, sizeof(*beam->paths)},
        {(void **)&beam->next_paths, width, sizeof(*beam->next_paths)},
        {(void **)&beam->moved, width, sizeof(*beam->moved)},
        {(void **)&beam->sums, width, sizeof(*beam->sums)},
        {(void **)&beam->scores, width, sizeof(*beam->scores)},
        {(void **)&beam->letters, n_tokens, sizeof(*beam->letters)},
    };
    bool complete = true;
    for (size_t i = 0; i < COUNT(want) && complete; i++) {
        *want[i].slot = calloc(want[i].count, want[i].bytes);
        complete = *want[i].slot != NULL;
    }
    if (!complete)
        st = asr_fail(err, ASR_ERR_NOMEM, "decoder of beam width %zu: out of memory", width);
    if (st == ASR_OK)
        st = frame_tokens_init(&beam->tokens, n_tokens, blank, config->max_tokens,
                               config->min_log_posterior, err);
    if (st == ASR_OK)
        st = candidates_init(&beam->candidates, width, err);
    if (st == ASR_OK)
        st = chain_pool_grow(&beam->tree, 1, err); /* so that start() cannot fail */
    if (st != ASR_OK) {
        ctc_beam_free(beam);
        return st;
    }
    beam->row = beam->tokens.row;
    ctc_beam_start(beam);
    *out = beam;
    return ASR_OK;
}

void ctc_beam_free(struct ctc_beam *beam)
{
    if (!beam)
        return;
    chain_pool_free(&beam->tree);
    chain_pool_free(&beam->runs);
    free(beam->now);
    free(beam->next);
    free(beam->paths);
    free(beam->next_paths);
    free(beam->moved);
    free(beam->sums);
    free(beam->scores);
    frame_tokens_free(&beam->tokens);
    candidates_free(&beam->candidates);
    free(beam->letters);
    free(beam);
}

static struct fusion_reach reach_of(const struct ctc_beam *beam, const struct fusion_state *state)
{
    return beam->fusion ? fusion_reach(beam->fusion, state) : (struct fusion_reach){0};
}

void ctc_beam_fuse(struct ctc_beam *beam, const struct fusion *fusion)
{
    beam->next_fusion = fusion;
}

void ctc_beam_start(struct ctc_beam *beam)
{
    const struct fusion *fusion = beam->next_fusion;
    struct fusion_state state = fusion ? fusion_start(fusion) : (struct fusion_state){0};

    beam->fusion = fusion;
    for (size_t k = 0; k < beam->n_tokens && fusion; k++)
        beam->letters[k] = 1u << (unsigned char)fusion->config->tokens[k][0] % 32;
    beam->separator = fusion ? (uint32_t)fusion->config->word_separator : NONE;
    ngram_memo_clear(&beam->memo);
    chain_pool_clear(&beam->runs);
    prefix_tree_start(&beam->tree, &state);
    beam->now[0] = (struct beam_entry){
        .blank = 0.0,
        .label = -INFINITY,
        .total = 0.0,
        .bonus = state.score,
        .reach = reach_of(beam, &state),
        .node = PREFIX_ROOT,
        .token = NONE,
        .parent = NONE,
        .first_child = NONE,
        .next_sibling = NONE,
    };
    beam->paths[0] = (struct best_paths){label_path_empty(0.0), label_path_empty(-INFINITY)};
    beam->n_now = 1;
    beam->frame = 0;
}

/* ---- room in the pools ------------------------------------------------------------------------
 */

static void collect_nodes(struct ctc_beam *beam)
{
    chain_pool_begin_marking(&beam->tree);
    chain_pool_mark(&beam->tree, PREFIX_ROOT);
    for (size_t i = 0; i < beam->n_now; i++)
        chain_pool_mark(&beam->tree, beam->now[i].node);
    prefix_tree_sweep(&beam->tree);
}

static void collect_runs(struct ctc_beam *beam)
{
    chain_pool_begin_marking(&beam->runs);
    for (size_t i = 0; i < beam->n_now; i++) {
        chain_pool_mark(&beam->runs, beam->paths[i].blank.before);
        chain_pool_mark(&beam->runs, beam->paths[i].label.before);
    }
    chain_pool_sweep(&beam->runs);
}

/* A frame adds at most one node and one run for each entry of the next beam. */
static enum asr_status make_room(struct ctc_beam *beam, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    const struct {
        struct chain_pool *pool;
        void (*collect)(struct ctc_beam *beam);
    } pools[] = {{&beam->tree, collect_nodes}, {&beam->runs, collect_runs}};

    for (size_t i = 0; i < COUNT(pools) && st == ASR_OK; i++) {
        struct chain_pool *pool = pools[i].pool;
        uint32_t width = (uint32_t)beam->config.beam_width;
        if (pool->n_free >= width)
            continue;
        if (pool->capacity)
            pools[i].collect(beam);
        uint32_t wanted = width > pool->capacity / 2 ? width : pool->capacity / 2;
        if (pool->n_free < wanted)
            st = chain_pool_grow(pool, wanted, err);
    }
    return st;
}

/* ---- 1. the frame -----------------------------------------------------------------------------
 */

static void read_frame(struct ctc_beam *beam, const float *log_posteriors)
{
    frame_tokens_read(&beam->tokens, log_posteriors);
    beam->separator_tried = false;
    for (size_t i = 0; i < beam->tokens.n_tried; i++)
        if (beam->tokens.tried[i] == beam->separator)
            beam->separator_tried = true;
}

/* ---- 2. and 3. candidates
 * ----------------------------------------------------------------------------
 */

static struct candidate *add_candidate(struct ctc_beam *beam, uint32_t index, uint32_t token,
                                       double score)
{
    struct candidate *c = candidates_add(&beam->candidates, score);

    c->entry = index;
    c->token = token;
    return c;
}

/* Until an extension has been seen, candidates are the entries themselves: when the beam is full,
 * the worst of them is already what an extension has to beat. */
static void add_entries(struct ctc_beam *beam)
{
    double best = -INFINITY, worst = INFINITY, top = -INFINITY;

    for (uint32_t i = 0; i < beam->n_now; i++) {
        const struct beam_entry *e = &beam->now[i];
        beam->sums[i] = beam_entry_move_on(beam->now, e, beam->row, beam->blank);
        double score = beam->sums[i].total + e->bonus, before = e->total + e->bonus;
        beam->scores[i] = score;
        best = score > best ? score : best;
        worst = score < worst ? score : worst;
        top = before > top ? before : top;
    }
    double threshold = best - (double)beam->config.score_margin;
    if (best > -INFINITY && threshold < -DBL_MAX)
        threshold = -DBL_MAX; /* no margin, but what is impossible is out all the same */
    if (beam->n_now == beam->config.beam_width && worst > threshold)
        threshold = worst;
    candidates_start(&beam->candidates, threshold, top);
    for (uint32_t i = 0; i < beam->n_now; i++)
        if (!(beam->scores[i] < threshold))
            add_candidate(beam, i, NONE, beam->scores[i]);
}

/* An entry's labels with the word separator behind them, as the language model sees them. */
static const struct fusion_state *end_word(struct ctc_beam *beam, const struct beam_entry *e)
{
    struct prefix_node *n = prefix_at(&beam->tree, e->node);

    if (!n->knows_word_end) {
        n->after_word = fusion_end_word(beam->fusion, &beam->memo, &n->fusion);
        n->knows_word_end = true;
    }
    return &n->after_word;
}

static void try_token(struct ctc_beam *beam, uint32_t index, uint32_t token)
{
    const struct beam_entry *e = &beam->now[index];
    struct fusion_spelling spelling = {0};
    double score = beam_entry_sum_before(e, token) + (double)beam->row[token];

    if (beam->fusion) {
        spelling = fusion_spell(beam->fusion, &prefix_at(&beam->tree, e->node)->fusion, token);
        score += spelling.score;
    }
    if (score > beam->candidates.threshold)
        add_candidate(beam, index, token, score)->spelling = spelling;
}

static void try_separator(struct ctc_beam *beam, uint32_t index)
{
    const struct beam_entry *e = &beam->now[index];
    double sum = beam_entry_sum_before(e, beam->separator) + (double)beam->row[beam->separator];
    double score = sum + end_word(beam, e)->score;

    if (score > beam->candidates.threshold)
        add_candidate(beam, index, beam->separator, score);
}

static void extend_by_separator(struct ctc_beam *beam, uint32_t index)
{
    const struct beam_entry *e = &beam->now[index];
    const struct prefix_node *n = prefix_at(&beam->tree, e->node);
    double most = e->total + (double)beam->row[beam->separator] + e->bonus;

    if (!n->knows_word_end)
        most += fusion_max_word_end_gain(beam->fusion, &n->fusion);
    if (most > beam->candidates.threshold || n->knows_word_end)
        try_separator(beam, index);
}

static void extend(struct ctc_beam *beam, uint32_t index)
{
    const struct beam_entry *e = &beam->now[index];
    const struct fusion_reach *reach = &e->reach;
    double score = e->total + e->bonus;
    double most = score + (reach->inside > reach->outside ? reach->inside : reach->outside);

    if (beam->separator_tried && !beam_entry_has_child(beam->now, e, beam->separator))
        extend_by_separator(beam, index);
    for (size_t i = 0; i < beam->tokens.n_tried; i++) {
        uint32_t token = beam->tokens.tried[i];
        double log_posterior = (double)beam->row[token];
        if (most + log_posterior <= beam->candidates.threshold)
            break;
        double gain = reach->letters & beam->letters[token] ? reach->inside : reach->outside;
        if (score + gain + log_posterior > beam->candidates.threshold && token != beam->separator &&
            !beam_entry_has_child(beam->now, e, token))
            try_token(beam, index, token);
    }
}

/* ---- 4. the next beam -------------------------------------------------------------------------
 */

static struct label_path follow(struct ctc_beam *beam, uint32_t index, uint32_t token)
{
    return label_path_follow(&beam->runs,
                             beam_entry_path_before(beam->now, beam->paths, index, token), token,
                             beam->frame, beam->row[token]);
}

static void keep_entry(struct ctc_beam *beam, uint32_t at, uint32_t index)
{
    const struct beam_entry *e = &beam->now[index];
    struct beam_entry *out = &beam->next[at];
    struct best_paths *paths = &beam->next_paths[at];
    const struct label_path *stay = &beam->paths[index].label;

    beam->moved[index] = at;
    *out = *e;
    out->blank = beam->sums[index].blank;
    out->label = beam->sums[index].label;
    out->total = beam->sums[index].total;
    paths->blank = label_path_blank(
        beam_entry_path_before(beam->now, beam->paths, index, beam->blank), beam->row[beam->blank]);
    paths->label = *stay;
    if (e->token == NONE)
        return;
    float log_posterior = beam->row[e->token];
    if (e->parent != NONE &&
        beam_entry_path_before(beam->now, beam->paths, e->parent, e->token)->score +
                (double)log_posterior >
            stay->score + (double)log_posterior)
        paths->label = follow(beam, e->parent, e->token);
    else
        paths->label = label_path_stay(stay, beam->frame, log_posterior);
}

/* Returns whether the node was in the tree already. */
static bool add_entry(struct ctc_beam *beam, uint32_t at, const struct candidate *c)
{
    uint32_t parent = c->entry, token = c->token;
    const struct beam_entry *from = &beam->now[parent];
    double label = beam_entry_sum_before(from, token) + (double)beam->row[token];
    uint32_t node = prefix_tree_find(&beam->tree, from->node, token);
    bool found = node != NONE;

    if (!found) {
        struct fusion_state state =
            token == beam->separator
                ? *end_word(beam, from)
                : fusion_spelt(&prefix_at(&beam->tree, from->node)->fusion, &c->spelling);
        node = prefix_tree_add(&beam->tree, from->node, token, &state);
    }
    const struct fusion_state *state = &prefix_at(&beam->tree, node)->fusion;
    beam->next[at] = (struct beam_entry){
        .blank = -INFINITY,
        .label = label,
        .total = label,
        .bonus = state->score,
        .reach = reach_of(beam, state),
        .node = node,
        .token = token,
        .parent = parent,
    };
    beam->next_paths[at].blank = label_path_empty(-INFINITY);
    beam->next_paths[at].label = follow(beam, parent, token);
    return found;
}

static void renew_beam(struct ctc_beam *beam)
{
    const struct candidate *items = beam->candidates.items;
    uint32_t n = (uint32_t)beam->candidates.n, n_kept = 0;
    bool found = false;

    for (size_t i = 0; i < beam->n_now; i++)
        beam->moved[i] = NONE;
    for (; n_kept < n && items[n_kept].token == NONE; n_kept++)
        keep_entry(beam, n_kept, items[n_kept].entry);
    for (uint32_t i = n_kept; i < n; i++)
        found |= add_entry(beam, i, &items[i]);
    beam_entries_link(beam->next, n, beam->moved);
    if (found)
        beam_entries_adopt(beam->next, n_kept, n, &beam->tree);

    struct beam_entry *swap = beam->now;
    beam->now = beam->next;
    beam->next = swap;
    struct best_paths *swap_paths = beam->paths;
    beam->paths = beam->next_paths;
    beam->next_paths = swap_paths;
    beam->n_now = n;
}

enum asr_status ctc_beam_step(struct ctc_beam *beam, const float *log_posteriors, size_t frames,
                              struct asr_error *err)
{
    for (size_t t = 0; t < frames; t++) {
        enum asr_status st = make_room(beam, err);
        if (st != ASR_OK)
            return st;
        read_frame(beam, log_posteriors + t * beam->n_tokens);
        add_entries(beam);
        for (uint32_t i = 0; i < beam->n_now; i++)
            extend(beam, i);
        candidates_cut(&beam->candidates);
        renew_beam(beam);
        beam->frame++;
    }
    return ASR_OK;
}

/* ---- the answer -------------------------------------------------------------------------------
 */

static enum asr_status answer(const struct ctc_beam *beam, size_t index, double bonus,
                              struct hypothesis *out, struct asr_error *err)
{
    const struct best_paths *p = &beam->paths[index];

    out->log_probability = beam->now[index].total;
    out->fusion_score = bonus;
    return label_path_spell(&beam->runs, p->blank.score >= p->label.score ? &p->blank : &p->label,
                            out, err);
}

static size_t best_of(const double *scores, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (isnan(scores[best]) || scores[i] > scores[best])
            best = i;
    return best;
}

enum asr_status ctc_beam_finish(const struct ctc_beam *beam, struct hypothesis *out, size_t n_best,
                                size_t *found, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    double *bonuses = malloc(2 * beam->n_now * sizeof(*bonuses));
    size_t n = n_best < beam->n_now ? n_best : beam->n_now;

    if (!bonuses)
        return asr_fail(err, ASR_ERR_NOMEM, "decoder's answers: out of memory");
    double *scores = bonuses + beam->n_now;
    for (size_t i = 0; i < beam->n_now; i++) {
        const struct beam_entry *e = &beam->now[i];
        bonuses[i] =
            beam->fusion ? fusion_end(beam->fusion, &prefix_at(&beam->tree, e->node)->fusion) : 0.0;
        scores[i] = e->total + bonuses[i];
    }
    for (size_t i = 0; i < n && st == ASR_OK; i++) {
        size_t best = best_of(scores, beam->n_now);
        st = answer(beam, best, bonuses[best], &out[i], err);
        scores[best] = NAN; /* given: no comparison finds it again */
    }
    free(bonuses);
    if (st == ASR_OK)
        *found = n;
    return st;
}
