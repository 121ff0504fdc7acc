/* phrases.c - see phrases.h. The phrases are spelt as every text of users is (model/labels.h), then
 * a tree of their bytes is built, a word's end being byte 0, and then the links are laid in the
 * order of depth. A table of all transitions was rejected: 256 times the memory to save a short
 * scan. */
#include "model/phrases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/labels.h"

#define NONE UINT32_MAX
enum { WORD_END = 0 };

struct node {
    uint32_t first_child, next_sibling;
    uint32_t parent;
    uint32_t shorter;        /* the longest suffix from a word's beginning; NONE: there is none */
    uint32_t after_word_end; /* where the end of a word leads */
    float weight;            /* of the phrase that ends here */
    float earned;            /* with those that end here and begin later */
    float loan;
    unsigned char byte;
};

struct phrases {
    struct node *nodes;
    uint32_t n_nodes;
    struct phrase_problem *problems;
    size_t n_problems;
    double max_step; /* of a loan, by one byte */
    size_t max_token_bytes;
};

/* A phrase as it is stored: its words, each with a 0 behind it. labels_spell() makes no character
 * longer but a stray byte, which becomes two. */
struct spelt {
    char bytes[2 * PHRASE_MAX_BYTES + 1];
    size_t n_bytes;
};

static enum asr_status spell(const struct speller *speller, const struct model_config *config,
                             const char *text, struct spelt *out, struct asr_error *why)
{
    struct labels labels;

    out->n_bytes = 0;
    if (strlen(text) > PHRASE_MAX_BYTES)
        return asr_fail(why, ASR_ERR_LIMIT, "longer than %d bytes", PHRASE_MAX_BYTES);
    enum asr_status st = labels_spell(speller, text, &labels, why);
    for (size_t i = 0; i < labels.n; i++) {
        bool separator = labels.tokens[i] == config->word_separator;
        const char *bytes = separator ? "" : config->tokens[labels.tokens[i]];
        size_t n_bytes = separator ? 1 : strlen(bytes);
        memcpy(out->bytes + out->n_bytes, bytes, n_bytes);
        out->n_bytes += n_bytes;
    }
    out->bytes[out->n_bytes++] = WORD_END;
    labels_free(&labels);
    return st;
}

static uint32_t child(const struct phrases *p, uint32_t node, unsigned char byte)
{
    uint32_t c = p->nodes[node].first_child;
    while (c != NONE && p->nodes[c].byte != byte)
        c = p->nodes[c].next_sibling;
    return c;
}

/* `bytes` end with the last word's end, which is where the phrase is complete: not in the tree. */
static void insert(struct phrases *p, const char *bytes, size_t n_bytes, float weight)
{
    uint32_t node = PHRASES_START;

    for (size_t i = 0; i + 1 < n_bytes; i++) {
        uint32_t next = child(p, node, (unsigned char)bytes[i]);
        if (next == NONE) {
            next = p->n_nodes++;
            p->nodes[next] = (struct node){
                .first_child = NONE,
                .next_sibling = p->nodes[node].first_child,
                .parent = node,
                .byte = (unsigned char)bytes[i],
            };
            p->nodes[node].first_child = next;
        }
        node = next;
        p->nodes[node].loan =
            fmaxf(p->nodes[node].loan, weight * (float)(i + 1) / (float)(n_bytes - 1));
    }
    p->nodes[node].weight = fmaxf(p->nodes[node].weight, weight);
    p->max_step = fmax(p->max_step, (double)weight / (double)(n_bytes - 1));
}

/* Where `byte` leads from `node` or from the longest suffix of it that has such a child. */
static uint32_t walk(const struct phrases *p, uint32_t node, unsigned char byte)
{
    while (node != NONE) {
        uint32_t c = child(p, node, byte);
        if (c != NONE)
            return c;
        node = p->nodes[node].shorter;
    }
    return NONE;
}

static void link_node(struct phrases *p, uint32_t n)
{
    struct node *node = &p->nodes[n];

    if (n == PHRASES_START) {
        node->shorter = NONE;
    } else {
        node->shorter = walk(p, p->nodes[node->parent].shorter, node->byte);
        if (node->shorter == NONE && node->byte == WORD_END)
            node->shorter = PHRASES_START;
    }
    node->earned = node->weight;
    if (node->shorter != NONE) {
        node->earned += p->nodes[node->shorter].earned;
        node->loan = fmaxf(node->loan, p->nodes[node->shorter].loan);
    }
    node->after_word_end = walk(p, n, WORD_END);
    if (node->after_word_end == NONE)
        node->after_word_end = PHRASES_START;
}

/* Shallow nodes first: a suffix is shorter than what it is a suffix of. */
static void lay_links(struct phrases *p, uint32_t *queue)
{
    uint32_t n_queued = 1;

    queue[0] = PHRASES_START;
    for (uint32_t i = 0; i < n_queued; i++) {
        link_node(p, queue[i]);
        for (uint32_t c = p->nodes[queue[i]].first_child; c != NONE; c = p->nodes[c].next_sibling)
            queue[n_queued++] = c;
    }
}

static enum asr_status check_list(const struct phrase *list, size_t n, struct asr_error *err)
{
    if (n > PHRASES_MAX)
        return asr_fail(err, ASR_ERR_LIMIT, "%zu phrases are over the limit of %d", n, PHRASES_MAX);
    for (size_t i = 0; i < n; i++)
        if (!(list[i].weight > 0.0 && list[i].weight <= PHRASE_MAX_WEIGHT))
            return asr_fail(err, ASR_ERR_INVALID,
                            "phrase %zu: weight %g is not above 0 and at most %g", i,
                            list[i].weight, PHRASE_MAX_WEIGHT);
    return ASR_OK;
}

/* No phrase has more nodes than spelt bytes. */
static enum asr_status allocate(struct phrases **out, const struct phrase *list, size_t n,
                                uint32_t **queue, struct asr_error *err)
{
    size_t n_nodes = 1;
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = strlen(list[i].text);
        n_nodes += n_bytes <= PHRASE_MAX_BYTES ? 2 * n_bytes : 0;
    }
    struct phrases *p = calloc(1, sizeof(*p));
    *queue = malloc(n_nodes * sizeof(**queue));
    *out = p;
    if (p && *queue) {
        p->nodes = calloc(n_nodes, sizeof(*p->nodes));
        p->problems = calloc(n ? n : 1, sizeof(*p->problems));
    }
    if (!p || !p->nodes || !p->problems)
        return asr_fail(err, ASR_ERR_NOMEM, "%zu phrases: out of memory", n);
    p->nodes[p->n_nodes++] = (struct node){.first_child = NONE, .next_sibling = NONE};
    return ASR_OK;
}

static size_t max_token_bytes(const struct model_config *config)
{
    size_t max = 0;

    for (size_t k = 0; k < config->n_tokens; k++) {
        size_t n_bytes = strlen(config->tokens[k]);
        if (k != config->blank && k != config->word_separator && n_bytes > max)
            max = n_bytes;
    }
    return max;
}

/* Those that cannot be spelt are listed; only want of memory is a failure. */
static enum asr_status insert_all(struct phrases *p, const struct model_config *config,
                                  const struct phrase *list, size_t n, struct asr_error *err)
{
    struct speller *speller;
    enum asr_status st = speller_new(&speller, config, err);

    for (size_t i = 0; i < n && st == ASR_OK; i++) {
        struct phrase_problem *problem = &p->problems[p->n_problems];
        struct spelt spelt;
        enum asr_status usable = spell(speller, config, list[i].text, &spelt, &problem->why);
        if (usable == ASR_ERR_NOMEM) {
            st = asr_fail(err, usable, "%s", problem->why.text);
        } else if (usable == ASR_OK) {
            insert(p, spelt.bytes, spelt.n_bytes, (float)list[i].weight);
        } else {
            problem->phrase = i;
            p->n_problems++;
        }
    }
    speller_free(speller);
    return st;
}

enum asr_status phrases_new(struct phrases **out, const struct model_config *config,
                            const struct phrase *list, size_t n, struct asr_error *err)
{
    struct phrases *p = NULL;
    uint32_t *queue = NULL;
    enum asr_status st = check_list(list, n, err);

    *out = NULL;
    if (st == ASR_OK)
        st = allocate(&p, list, n, &queue, err);
    if (st == ASR_OK)
        st = insert_all(p, config, list, n, err);
    if (st == ASR_OK) {
        lay_links(p, queue);
        p->max_token_bytes = max_token_bytes(config);
        *out = p;
    } else {
        phrases_free(p);
    }
    free(queue);
    return st;
}

void phrases_free(struct phrases *p)
{
    if (!p)
        return;
    free(p->nodes);
    free(p->problems);
    free(p);
}

const struct phrase_problem *phrases_problems(const struct phrases *p, size_t *n)
{
    *n = p->n_problems;
    return p->problems;
}

uint32_t phrases_next(const struct phrases *p, uint32_t state, const char *bytes)
{
    for (; *bytes && state != PHRASES_OUTSIDE; bytes++)
        state = walk(p, state, (unsigned char)*bytes);
    return state;
}

uint32_t phrases_word_end(const struct phrases *p, uint32_t state, double *reward)
{
    *reward = 0.0;
    if (state == PHRASES_OUTSIDE)
        return PHRASES_START;
    *reward = (double)p->nodes[state].earned;
    return p->nodes[state].after_word_end;
}

double phrases_loan(const struct phrases *p, uint32_t state)
{
    return state == PHRASES_OUTSIDE ? 0.0 : (double)p->nodes[state].loan;
}

bool phrases_expect_end(const struct phrases *p, uint32_t state)
{
    return state != PHRASES_OUTSIDE &&
           (p->nodes[state].earned > 0.0f || p->nodes[state].after_word_end != PHRASES_START);
}

double phrases_max_step(const struct phrases *p)
{
    return p->max_step * (double)p->max_token_bytes;
}
