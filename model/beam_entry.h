/* beam_entry.h - one hypothesis of a beam, and which ones are prefixes of which by one label.
 *
 * Entries know each other by their index. `parent` is set by whoever makes an entry; the lists of
 * children are made anew for each beam. */
#ifndef MODEL_BEAM_ENTRY_H
#define MODEL_BEAM_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/chain_pool.h"
#include "model/fusion.h"
#include "model/label_path.h"
#include "model/log_add.h"

struct beam_entry {
    double blank, label, total; /* ln of the sums: paths ending in blank, in the label, both */
    double bonus;               /* of the language model and the phrases */
    struct fusion_reach reach;  /* of the bonus, by one token */
    uint32_t node, token;
    uint32_t parent;                    /* entry, or CHAIN_NONE */
    uint32_t first_child, next_sibling; /* entries, or CHAIN_NONE */
};

/* Apart from the entries, because scoring does not look at them. */
struct best_paths {
    struct label_path blank, label;
};

/* All of the entry's paths that may be followed by `token` as a new label: after the same label
 * only those that end in blank. */
static inline double beam_entry_sum_before(const struct beam_entry *e, uint32_t token)
{
    return token == e->token ? e->blank : e->total;
}

/* The best one of these of entry `index`. */
static inline struct label_path *beam_entry_path_before(const struct beam_entry *entries,
                                                        struct best_paths *paths, uint32_t index,
                                                        uint32_t token)
{
    struct best_paths *p = &paths[index];

    if (token == entries[index].token || p->blank.score >= p->label.score)
        return &p->blank;
    return &p->label;
}

/* An entry's sums after one more frame, with what its parent adds; row[tokens] log-posteriors. */
struct beam_sums {
    double blank, label, total;
};
static inline struct beam_sums beam_entry_move_on(const struct beam_entry *entries,
                                                  const struct beam_entry *e, const float *row,
                                                  uint32_t blank)
{
    struct beam_sums s = {.blank = e->total + (double)row[blank], .label = -INFINITY};

    if (e->token != CHAIN_NONE) {
        double label = e->label;
        if (e->parent != CHAIN_NONE)
            label = log_add(label, beam_entry_sum_before(&entries[e->parent], e->token));
        s.label = label + (double)row[e->token];
    }
    s.total = log_add(s.blank, s.label);
    return s;
}

/* Whether the entry's labels and `token` are an entry themselves. */
static inline bool beam_entry_has_child(const struct beam_entry *entries,
                                        const struct beam_entry *e, uint32_t token)
{
    uint32_t child = e->first_child;

    while (child != CHAIN_NONE && entries[child].token != token)
        child = entries[child].next_sibling;
    return child != CHAIN_NONE;
}

/* Links entries[n], whose parents are still numbered as in the beam before. `moved` says where each
 * of these is now, CHAIN_NONE if it is gone. */
void beam_entries_link(struct beam_entry *entries, uint32_t n, const uint32_t *moved);

/* Links entries that came back, at n_kept or behind, to children that were there before them. */
void beam_entries_adopt(struct beam_entry *entries, uint32_t n_kept, uint32_t n,
                        const struct chain_pool *tree);

#endif
