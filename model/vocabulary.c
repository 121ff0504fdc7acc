#include "model/vocabulary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* While building: the words below a node are neighbours too, since the model sorts them. */
struct range {
    uint32_t begin, end, depth;
};

static uint64_t count_nodes(const struct ngram *lm)
{
    const char *before = "";
    uint64_t n = 1;

    for (uint32_t w = 0; w < ngram_words(lm); w++) {
        const char *text = ngram_text(lm, w, NULL);
        size_t common = 0;
        while (text[common] && text[common] == before[common])
            common++;
        n += strlen(text) - common;
        before = text;
    }
    return n;
}

/* Gives node `n` its word and its children, whose ranges are noted. */
static void grow(struct vocabulary *v, const struct ngram *lm, struct range *ranges, uint32_t n)
{
    struct range r = ranges[n];
    struct vocabulary_node *node = &v->nodes[n];

    *node = (struct vocabulary_node){
        .first_child = v->n_nodes, .word = VOCABULARY_NONE, .best = -INFINITY};
    if (r.begin < r.end && ngram_text(lm, r.begin, NULL)[r.depth] == '\0') {
        uint32_t word = r.begin++;
        if (word != ngram_bos(lm) && word != ngram_eos(lm) && word != ngram_unk(lm)) {
            node->word = word;
            node->best = ngram_unigram(lm, word);
        }
    }
    while (r.begin < r.end) {
        char byte = ngram_text(lm, r.begin, NULL)[r.depth];
        uint32_t end = r.begin + 1;
        while (end < r.end && ngram_text(lm, end, NULL)[r.depth] == byte)
            end++;
        v->bytes[v->n_nodes] = (unsigned char)byte;
        ranges[v->n_nodes++] = (struct range){r.begin, end, r.depth + 1};
        node->reach |= 1u << (unsigned char)byte % 32;
        r.begin = end;
    }
}

enum asr_status vocabulary_new(struct vocabulary **out, const struct ngram *lm,
                               struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    uint64_t n_nodes = count_nodes(lm);
    struct vocabulary *v = calloc(1, sizeof(*v));
    struct range *ranges = n_nodes < UINT32_MAX ? calloc(n_nodes, sizeof(*ranges)) : NULL;

    *out = NULL;
    if (v && ranges) {
        v->nodes = calloc(n_nodes + 1, sizeof(*v->nodes));
        v->bytes = calloc(n_nodes, 1);
    }
    if (!v || !ranges || !v->nodes || !v->bytes) {
        st = asr_fail(err, ASR_ERR_NOMEM, "vocabulary of %u words: out of memory",
                      (unsigned)ngram_words(lm));
        vocabulary_free(v);
        v = NULL;
    }
    if (st == ASR_OK) {
        v->n_nodes = 1;
        ranges[0] = (struct range){0, ngram_words(lm), 0};
        for (uint32_t n = 0; n < v->n_nodes; n++)
            grow(v, lm, ranges, n);
        v->nodes[v->n_nodes].first_child = v->n_nodes;
        for (uint32_t n = v->n_nodes; n-- > 0;) /* children have higher numbers */
            for (uint32_t c = v->nodes[n].first_child; c < v->nodes[n + 1].first_child; c++)
                v->nodes[n].best = fmaxf(v->nodes[n].best, v->nodes[c].best);
    }
    free(ranges);
    *out = v;
    return st;
}

void vocabulary_free(struct vocabulary *v)
{
    if (!v)
        return;
    free(v->nodes);
    free(v->bytes);
    free(v);
}
