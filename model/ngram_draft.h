/* ngram_draft.h - a language model between its ARPA file and its compiled image. One stage after
 * the other fills it: ngram_draft_read(), ngram_draft_link(), and ngram_draft_pack() reads it out.
 *
 * For the compiler only (ngram_build.h). */
#ifndef MODEL_NGRAM_DRAFT_H
#define MODEL_NGRAM_DRAFT_H

#include "model/arpa.h"
#include "model/ngram_build.h"
#include "model/ngram_format.h"
#include "model/ngram_table.h"
#include "model/ngram_vocabulary.h"

/* Indices [k] are for n-grams of order k + 1. All zero is empty. */
struct ngram_draft {
    const char *name; /* of the ARPA file, for messages; borrowed */
    const struct ngram_build_options *options;
    unsigned order; /* the highest that has n-grams */
    struct ngram_vocabulary vocabulary;
    struct ngram_table tables[NGRAM_MAX_ORDER]; /* tables[0] has word n in row n */
    bool unk_given;
    uint64_t contexts_added;
    uint32_t *children[NGRAM_MAX_ORDER]; /* as ngram_table_children(); below the highest order */
    uint32_t *links[NGRAM_MAX_ORDER];    /* nodes; orders 3 to the highest but one */
    uint32_t first_node[NGRAM_MAX_ORDER];
};

void ngram_draft_free(struct ngram_draft *draft);

/* Tells options->progress. */
void ngram_draft_progress(const struct ngram_draft *draft, const char *stage, double done);

/* Fills the vocabulary and the tables, words numbered as in the compiled model. */
enum asr_status ngram_draft_read(struct ngram_draft *draft, struct arpa *arpa,
                                 struct asr_error *err);

/* Sorts the tables and turns them into a trie. */
enum asr_status ngram_draft_link(struct ngram_draft *draft, struct asr_error *err);

/* *image: free(). */
enum asr_status ngram_draft_pack(const struct ngram_draft *draft, uint8_t **image, size_t *n_bytes,
                                 struct asr_error *err);

#endif
