/* phrases.c - see phrases.h. The phrases are first normalised and checked (spell.. below), then a
 * tree of their bytes is built, a word's end being byte 0, and then the links are laid in the order
 * of depth. A table of all transitions was rejected: 256 times the memory to save a short scan. */
#include "model/phrases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"

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

/* The model's letters by first byte, for checking. */
struct letters {
    const struct model_config *config;
    uint32_t first[256];
    uint32_t *next; /* [n_tokens] */
    size_t max_bytes;
};

static enum asr_status letters_new(struct letters *letters, const struct model_config *config,
                                   struct asr_error *err)
{
    *letters = (struct letters){.config = config};
    letters->next = malloc(config->n_tokens * sizeof(*letters->next));
    if (!letters->next)
        return asr_fail(err, ASR_ERR_NOMEM, "phrases: out of memory");
    for (size_t b = 0; b < 256; b++)
        letters->first[b] = NONE;
    for (uint32_t k = 0; k < config->n_tokens; k++) {
        unsigned char byte = (unsigned char)config->tokens[k][0];
        letters->next[k] = letters->first[byte];
        if (k == config->blank || k == config->word_separator || byte == '\0')
            continue;
        letters->first[byte] = k;
        size_t n_bytes = strlen(config->tokens[k]);
        letters->max_bytes = n_bytes > letters->max_bytes ? n_bytes : letters->max_bytes;
    }
    return ASR_OK;
}

/* Whether tokens spell the word in some way; *stuck is the last place that a way has come to. */
static bool spell_as_is(const struct letters *letters, const char *word, size_t *stuck)
{
    bool reached[PHRASE_MAX_BYTES + 1] = {true};
    size_t n_bytes = strlen(word);

    for (size_t at = 0; at < n_bytes; at++) {
        if (!reached[at])
            continue;
        *stuck = at;
        for (uint32_t k = letters->first[(unsigned char)word[at]]; k != NONE;
             k = letters->next[k]) {
            const char *text = letters->config->tokens[k];
            size_t token_bytes = strlen(text);
            if (strncmp(word + at, text, token_bytes) == 0)
                reached[at + token_bytes] = true;
        }
    }
    return reached[n_bytes];
}

static char as_given(char c)
{
    return c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Puts the word in the case in which tokens spell it. *stuck: see above, of the case that is best.
 */
static bool spell(const struct letters *letters, char *word, size_t *stuck)
{
    static char (*const cases[])(char) = {as_given, lower, upper};
    char changed[PHRASE_MAX_BYTES + 1] = {0};

    *stuck = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = 0, place = 0;
        for (; word[n]; n++)
            changed[n] = cases[i](word[n]);
        changed[n] = '\0';
        if (spell_as_is(letters, changed, &place)) {
            memcpy(word, changed, n);
            return true;
        }
        *stuck = place > *stuck ? place : *stuck;
    }
    return false;
}

static size_t utf8_bytes(const char *text)
{
    size_t n = 1;
    while (((unsigned char)text[n] & 0xC0) == 0x80 && n < 4)
        n++;
    return n;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The phrase as it is stored: its words, each with a 0 behind it, *n_bytes in all. False with the
 * reason when it cannot be. */
static bool normalise(const struct letters *letters, const char *text, char *out, size_t *n_bytes,
                      char *reason, size_t reason_bytes)
{
    *n_bytes = 0;
    if (strlen(text) > PHRASE_MAX_BYTES) {
        snprintf(reason, reason_bytes, "longer than %d bytes", PHRASE_MAX_BYTES);
        return false;
    }
    while (*text) {
        char *word = out + *n_bytes;
        size_t n = 0, stuck;
        while (is_space(*text))
            text++;
        while (text[n] && !is_space(text[n]))
            n++;
        if (n == 0)
            break;
        memcpy(word, text, n);
        word[n] = '\0';
        if (!spell(letters, word, &stuck)) {
            snprintf(reason, reason_bytes, "the model has no letter \"%.*s\"",
                     (int)utf8_bytes(word + stuck), word + stuck);
            return false;
        }
        *n_bytes += n + 1;
        text += n;
    }
    if (*n_bytes == 0)
        snprintf(reason, reason_bytes, "has no words");
    return *n_bytes > 0;
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

/* No phrase has more nodes than bytes. */
static enum asr_status allocate(struct phrases **out, const struct phrase *list, size_t n,
                                uint32_t **queue, struct asr_error *err)
{
    size_t n_nodes = 1;
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = strlen(list[i].text);
        n_nodes += n_bytes <= PHRASE_MAX_BYTES ? n_bytes : 0;
    }
    struct phrases *p = calloc(1, sizeof(*p));
    *queue = malloc(n_nodes * sizeof(**queue));
    if (p && *queue) {
        p->nodes = calloc(n_nodes, sizeof(*p->nodes));
        p->problems = calloc(n ? n : 1, sizeof(*p->problems));
    }
    *out = p;
    if (!p || !*queue || !p->nodes || !p->problems)
        return asr_fail(err, ASR_ERR_NOMEM, "%zu phrases: out of memory", n);
    return ASR_OK;
}

enum asr_status phrases_new(struct phrases **out, const struct model_config *config,
                            const struct phrase *list, size_t n, struct asr_error *err)
{
    struct phrases *p = NULL;
    struct letters letters = {0};
    uint32_t *queue = NULL;
    enum asr_status st = check_list(list, n, err);

    *out = NULL;
    if (st == ASR_OK)
        st = letters_new(&letters, config, err);
    if (st == ASR_OK)
        st = allocate(&p, list, n, &queue, err);
    if (st == ASR_OK) {
        p->nodes[p->n_nodes++] = (struct node){.first_child = NONE, .next_sibling = NONE};
        for (size_t i = 0; i < n; i++) {
            char bytes[PHRASE_MAX_BYTES + 1];
            size_t n_bytes;
            struct phrase_problem *problem = &p->problems[p->n_problems];
            if (normalise(&letters, list[i].text, bytes, &n_bytes, problem->reason,
                          sizeof(problem->reason))) {
                insert(p, bytes, n_bytes, (float)list[i].weight);
            } else {
                problem->phrase = i;
                p->n_problems++;
            }
        }
        lay_links(p, queue);
        p->max_token_bytes = letters.max_bytes;
        *out = p;
    } else {
        phrases_free(p);
    }
    free(queue);
    free(letters.next);
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
