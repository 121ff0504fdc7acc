/* ctc_beam.c - see ctc_beam.h.
 *
 * A beam is an array of at most beam_width entries, in the order in which they joined it. An
 * entry is a prefix with two sums over its paths, and the best path of each kind. One frame is:
 *
 *   1. tokens worth trying are collected once, best first;
 *   2. each entry's sums move on by blank, by its last label again, and by what its parent adds
 *      (the parent is in the beam too: this is where two ways to the same labels merge);
 *   3. each entry is extended by each token for which there is no entry yet. An extension is a
 *      score and two numbers; as soon as beam_width candidates are known, whatever is below the
 *      worst of them is not even written down, and since tokens come best first the rest of the
 *      row is skipped. A frame costs beam_width x tokens sums and comparisons at the worst;
 *   4. the best beam_width candidates become the next beam.
 *
 * With a language model or phrases an entry's score has a second part, which is known to its node
 * in the tree of prefixes (prefix_tree.h). Where that part could raise a score, the rest of the
 * row is skipped with its greatest gain allowed for. The word separator is looked at first and
 * by itself, because only there the language model is asked, once for each node.
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
#include "model/candidates.h"
#include "model/chain_pool.h"
#include "model/frame_tokens.h"
#include "model/label_path.h"
#include "model/log_add.h"
#include "model/prefix_tree.h"

#define NONE CHAIN_NONE

const struct ctc_beam_config ctc_beam_defaults = {
    .beam_width = 64,
    .max_tokens = 0,
    .min_log_posterior = -7.0f,
    .score_margin = 12.0f,
};

struct entry {
    double blank, label, total; /* ln of the sums: paths ending in blank, in the label, both */
    double bonus;               /* of the language model and the phrases */
    struct fusion_reach reach;  /* of the bonus, by one token */
    struct label_path blank_path, label_path;
    uint32_t node, token;
    uint32_t parent;                    /* entry, or NONE */
    uint32_t first_child, next_sibling; /* entries */
};

struct sums {
    double blank, label, total;
};

struct ctc_beam {
    struct ctc_beam_config config;
    size_t n_tokens;
    uint32_t blank;
    const struct fusion *fusion, *next_fusion; /* NULL: none; as of the next start */
    uint32_t *letters;  /* [n_tokens] the bit of each token's first byte (fusion_reach) */
    uint32_t separator; /* NONE without fusion: a token like others */
    bool separator_tried;
    uint32_t frame;
    struct chain_pool tree, runs;
    struct entry *now, *next; /* [beam_width] */
    size_t n_now;
    struct sums *sums; /* [beam_width] of `now`, one frame on */
    struct frame_tokens tokens;
    const float *row; /* of `tokens` */
    struct candidates candidates;
    bool *taken; /* [n_tokens] false between uses */
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
        {(void **)&beam->sums, width, sizeof(*beam->sums)},
        {(void **)&beam->letters, n_tokens, sizeof(*beam->letters)},
        {(void **)&beam->taken, n_tokens, sizeof(*beam->taken)},
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
    free(beam->sums);
    frame_tokens_free(&beam->tokens);
    candidates_free(&beam->candidates);
    free(beam->letters);
    free(beam->taken);
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
    chain_pool_clear(&beam->runs);
    prefix_tree_start(&beam->tree, &state);
    beam->now[0] = (struct entry){
        .blank = 0.0,
        .label = -INFINITY,
        .total = 0.0,
        .bonus = state.score,
        .reach = reach_of(beam, &state),
        .blank_path = label_path_empty(0.0),
        .label_path = label_path_empty(-INFINITY),
        .node = PREFIX_ROOT,
        .token = NONE,
        .parent = NONE,
        .first_child = NONE,
        .next_sibling = NONE,
    };
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
        chain_pool_mark(&beam->runs, beam->now[i].blank_path.before);
        chain_pool_mark(&beam->runs, beam->now[i].label_path.before);
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

/* ---- 2. the entries, one frame on -------------------------------------------------------------
 */

/* All of the entry's paths that may be followed by `token` as a new label: after the same label
 * only those that end in blank. */
static double sum_before(const struct entry *e, uint32_t token)
{
    return token == e->token ? e->blank : e->total;
}

static struct sums move_on(const struct ctc_beam *beam, const struct entry *e)
{
    struct sums s = {.blank = e->total + (double)beam->row[beam->blank], .label = -INFINITY};

    if (e->token != NONE) {
        double label = e->label;
        if (e->parent != NONE)
            label = log_add(label, sum_before(&beam->now[e->parent], e->token));
        s.label = label + (double)beam->row[e->token];
    }
    s.total = log_add(s.blank, s.label);
    return s;
}

/* ---- 3. candidates ----------------------------------------------------------------------------
 */

/* Until an extension has been seen, candidates are the entries themselves: when the beam is full,
 * the worst of them is already what an extension has to beat. */
static void add_entries(struct ctc_beam *beam)
{
    double best = -INFINITY, worst = INFINITY;

    candidates_clear(&beam->candidates);
    for (uint32_t i = 0; i < beam->n_now; i++) {
        beam->sums[i] = move_on(beam, &beam->now[i]);
        double score = beam->sums[i].total + beam->now[i].bonus;
        best = score > best ? score : best;
        worst = score < worst ? score : worst;
        candidates_add(&beam->candidates, i, NONE, score);
    }
    double threshold = best - (double)beam->config.score_margin;
    if (best > -INFINITY && threshold < -DBL_MAX)
        threshold = -DBL_MAX; /* no margin, but what is impossible is out all the same */
    if (beam->n_now == beam->config.beam_width && worst > threshold)
        threshold = worst;
    beam->candidates.threshold = threshold;
}

static void mark_children(struct ctc_beam *beam, const struct entry *e, bool mark)
{
    for (uint32_t c = e->first_child; c != NONE; c = beam->now[c].next_sibling)
        beam->taken[beam->now[c].token] = mark;
}

/* The prefix `node` with `token` behind it, as the language model sees it. */
static struct fusion_state fuse(struct ctc_beam *beam, uint32_t node, uint32_t token)
{
    struct prefix_node *n = prefix_at(&beam->tree, node);

    if (!beam->fusion)
        return (struct fusion_state){0};
    if (token != beam->separator)
        return fusion_next(beam->fusion, &n->fusion, token);
    if (!n->knows_word_end) {
        n->after_word = fusion_next(beam->fusion, &n->fusion, token);
        n->knows_word_end = true;
    }
    return n->after_word;
}

static void try_extension(struct ctc_beam *beam, uint32_t index, uint32_t token)
{
    const struct entry *e = &beam->now[index];
    double score = sum_before(e, token) + (double)beam->row[token];

    if (beam->fusion)
        score += fuse(beam, e->node, token).score;
    if (score > beam->candidates.threshold)
        candidates_add(&beam->candidates, index, token, score);
}

static void extend_by_separator(struct ctc_beam *beam, uint32_t index)
{
    const struct entry *e = &beam->now[index];
    const struct prefix_node *n = prefix_at(&beam->tree, e->node);
    double most = e->total + (double)beam->row[beam->separator] + e->bonus;

    if (!n->knows_word_end)
        most += fusion_max_word_end_gain(beam->fusion, &n->fusion);
    if (most > beam->candidates.threshold || n->knows_word_end)
        try_extension(beam, index, beam->separator);
}

static void extend(struct ctc_beam *beam, uint32_t index)
{
    const struct entry *e = &beam->now[index];
    double score = e->total + e->bonus, most = score + fmax(e->reach.inside, e->reach.outside);

    mark_children(beam, e, true);
    if (beam->separator_tried && !beam->taken[beam->separator])
        extend_by_separator(beam, index);
    for (size_t i = 0; i < beam->tokens.n_tried; i++) {
        uint32_t token = beam->tokens.tried[i];
        double log_posterior = (double)beam->row[token];
        if (most + log_posterior <= beam->candidates.threshold)
            break;
        if (token == beam->separator || beam->taken[token])
            continue;
        bool inside = e->reach.letters & beam->letters[token];
        double gain = inside ? e->reach.inside : e->reach.outside;
        if (score + gain + log_posterior > beam->candidates.threshold)
            try_extension(beam, index, token);
    }
    mark_children(beam, e, false);
}

/* ---- 4. the next beam -------------------------------------------------------------------------
 */

/* The entry's best path that may be followed by `token` as a new label. */
static struct label_path *path_before(struct entry *e, uint32_t token)
{
    if (token == e->token || e->blank_path.score >= e->label_path.score)
        return &e->blank_path;
    return &e->label_path;
}

static struct label_path follow(struct ctc_beam *beam, struct entry *e, uint32_t token)
{
    return label_path_follow(&beam->runs, path_before(e, token), token, beam->frame,
                             beam->row[token]);
}

static void keep_entry(struct ctc_beam *beam, struct entry *out, uint32_t index)
{
    struct entry *e = &beam->now[index];

    *out = *e;
    out->blank = beam->sums[index].blank;
    out->label = beam->sums[index].label;
    out->total = beam->sums[index].total;
    out->blank_path = label_path_blank(path_before(e, beam->blank), beam->row[beam->blank]);
    if (e->token == NONE)
        return;
    out->label_path = label_path_stay(&e->label_path, beam->frame, beam->row[e->token]);
    if (e->parent != NONE) {
        struct entry *parent = &beam->now[e->parent];
        double score = path_before(parent, e->token)->score + (double)beam->row[e->token];
        if (score > out->label_path.score)
            out->label_path = follow(beam, parent, e->token);
    }
}

static void add_entry(struct ctc_beam *beam, struct entry *out, uint32_t parent, uint32_t token)
{
    struct entry *from = &beam->now[parent];
    double label = sum_before(from, token) + (double)beam->row[token];
    uint32_t node = prefix_tree_find(&beam->tree, from->node, token);

    if (node == NONE) {
        struct fusion_state state = fuse(beam, from->node, token);
        node = prefix_tree_add(&beam->tree, from->node, token, &state);
    }
    const struct fusion_state *state = &prefix_at(&beam->tree, node)->fusion;
    *out = (struct entry){
        .blank = -INFINITY,
        .label = label,
        .total = label,
        .bonus = state->score,
        .reach = reach_of(beam, state),
        .blank_path = label_path_empty(-INFINITY),
        .label_path = follow(beam, from, token),
        .node = node,
        .token = token,
    };
}

/* Which entries of the beam are children of which. */
static void link_entries(struct ctc_beam *beam)
{
    for (uint32_t i = 0; i < beam->n_now; i++) {
        prefix_at(&beam->tree, beam->now[i].node)->entry = i;
        beam->now[i].first_child = NONE;
    }
    for (uint32_t i = 0; i < beam->n_now; i++) {
        struct entry *e = &beam->now[i];
        uint32_t parent = prefix_at(&beam->tree, e->node)->parent;
        e->parent = parent == NONE ? NONE : prefix_at(&beam->tree, parent)->entry;
        if (e->parent == NONE)
            continue;
        e->next_sibling = beam->now[e->parent].first_child;
        beam->now[e->parent].first_child = i;
    }
}

static void renew_beam(struct ctc_beam *beam)
{
    for (size_t i = 0; i < beam->n_now; i++)
        prefix_at(&beam->tree, beam->now[i].node)->entry = NONE;
    for (size_t i = 0; i < beam->candidates.n; i++) {
        const struct candidate *c = &beam->candidates.items[i];
        if (c->token == NONE)
            keep_entry(beam, &beam->next[i], c->entry);
        else
            add_entry(beam, &beam->next[i], c->entry, c->token);
    }
    struct entry *swap = beam->now;
    beam->now = beam->next;
    beam->next = swap;
    beam->n_now = beam->candidates.n;
    link_entries(beam);
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

static enum asr_status answer(const struct ctc_beam *beam, const struct entry *e, double bonus,
                              struct hypothesis *out, struct asr_error *err)
{
    bool in_blank = e->blank_path.score >= e->label_path.score;

    out->log_probability = e->total;
    out->fusion_score = bonus;
    return label_path_spell(&beam->runs, in_blank ? &e->blank_path : &e->label_path, out, err);
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
        const struct entry *e = &beam->now[i];
        bonuses[i] =
            beam->fusion ? fusion_end(beam->fusion, &prefix_at(&beam->tree, e->node)->fusion) : 0.0;
        scores[i] = e->total + bonuses[i];
    }
    for (size_t i = 0; i < n && st == ASR_OK; i++) {
        size_t best = best_of(scores, beam->n_now);
        st = answer(beam, &beam->now[best], bonuses[best], &out[i], err);
        scores[best] = NAN; /* given: no comparison finds it again */
    }
    free(bonuses);
    if (st == ASR_OK)
        *found = n;
    return st;
}
