/* labels.c - see labels.h. Two passes: characters are normalised into a text that the tokens can
 * spell, each byte knowing where it is from; then that text is cut up. Tokens are found by
 * binary search for each length from the longest down: a hash table would be faster and is not
 * worth it for texts of some kilobytes. */
#include "model/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/letter_case.h"

enum { APOSTROPHE = '\'', RIGHT_QUOTE = 0x2019, MAX_CHARACTER_BYTES = 4 };

struct spelling {
    const char *text;
    size_t n_bytes;
    uint32_t token;
};

struct speller {
    const struct model_config *config;
    struct spelling *tokens; /* [n_tokens] by text; blank, separator and "" are not there */
    size_t n_tokens, max_bytes;
    uint32_t *characters; /* [n_characters] of all tokens, ascending */
    size_t n_characters;
};

/* ---- UTF-8 ------------------------------------------------------------------------------------
 */

/* The character at *text, which is UTF-8; steps past it. Of other bytes it makes some character
 * and never passes the 0 at the end. */
static uint32_t next_character(const char **text)
{
    unsigned char lead = (unsigned char)*(*text)++;
    uint32_t c = lead < 0xC0   ? lead
                 : lead < 0xE0 ? lead & 0x1F
                 : lead < 0xF0 ? lead & 0x0F
                               : lead & 0x07;

    for (int more = (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0);
         more > 0 && ((unsigned char)**text & 0xC0) == 0x80; more--)
        c = c << 6 | ((unsigned char)*(*text)++ & 0x3F);
    return c;
}

static size_t put_character(char *to, uint32_t c)
{
    size_t more = (c >= 0x80) + (c >= 0x800) + (c >= 0x10000);
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};

    for (size_t i = more; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(leads[more] | c);
    return more + 1;
}

/* ---- the speller ------------------------------------------------------------------------------
 */

static int compare_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

/* Equal texts by index, so that the lowest is the one found. */
static int by_text(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    int order = compare_bytes(x->text, x->n_bytes, y->text, y->n_bytes);
    return order != 0 ? order : (x->token > y->token) - (x->token < y->token);
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Tokens, sorted and without doubles; *text_bytes is what they have in all. */
static void collect_tokens(struct speller *s, size_t *text_bytes)
{
    const struct model_config *config = s->config;
    size_t n = 0, kept = 0;

    *text_bytes = 0;
    for (uint32_t k = 0; k < config->n_tokens; k++)
        if (k != config->blank && k != config->word_separator && *config->tokens[k])
            s->tokens[n++] = (struct spelling){config->tokens[k], strlen(config->tokens[k]), k};
    qsort(s->tokens, n, sizeof(*s->tokens), by_text);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(s->tokens[kept - 1].text, s->tokens[i].text) == 0)
            continue;
        s->tokens[kept++] = s->tokens[i];
        *text_bytes += s->tokens[i].n_bytes;
        if (s->tokens[i].n_bytes > s->max_bytes)
            s->max_bytes = s->tokens[i].n_bytes;
    }
    s->n_tokens = kept;
}

static void collect_characters(struct speller *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_tokens; i++)
        for (const char *at = s->tokens[i].text; *at;)
            s->characters[n++] = next_character(&at);
    qsort(s->characters, n, sizeof(*s->characters), by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || s->characters[i] != s->characters[i - 1])
            s->characters[s->n_characters++] = s->characters[i];
}

enum asr_status speller_new(struct speller **out, const struct model_config *config,
                            struct asr_error *err)
{
    struct speller *s = calloc(1, sizeof(*s));
    size_t text_bytes = 0;

    *out = NULL;
    if (s) {
        s->config = config;
        s->tokens = malloc(config->n_tokens * sizeof(*s->tokens));
    }
    if (s && s->tokens) {
        collect_tokens(s, &text_bytes);
        s->characters = malloc((text_bytes + 1) * sizeof(*s->characters));
    }
    if (!s || !s->characters) {
        speller_free(s);
        return asr_fail(err, ASR_ERR_NOMEM, "out of memory to spell with %zu tokens",
                        config->n_tokens);
    }
    collect_characters(s);
    *out = s;
    return ASR_OK;
}

void speller_free(struct speller *speller)
{
    if (!speller)
        return;
    free(speller->tokens);
    free(speller->characters);
    free(speller);
}

static bool has_character(const struct speller *s, uint32_t c)
{
    return s->n_characters > 0 &&
           bsearch(&c, s->characters, s->n_characters, sizeof(*s->characters), by_value) != NULL;
}

static const struct spelling *find(const struct speller *s, const char *text, size_t n_bytes)
{
    size_t low = 0, high = s->n_tokens;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct spelling *it = &s->tokens[middle];
        int order = compare_bytes(text, n_bytes, it->text, it->n_bytes);
        if (order == 0)
            return it;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct spelling *longest(const struct speller *s, const char *text, size_t n_bytes)
{
    const struct spelling *found = NULL;

    for (size_t n = n_bytes < s->max_bytes ? n_bytes : s->max_bytes; n > 0 && !found; n--)
        found = find(s, text, n);
    return found;
}

/* ---- what is lacking --------------------------------------------------------------------------
 */

enum { MAX_NAMED = 8 };

struct lacking {
    uint32_t named[MAX_NAMED];
    size_t n_named;
    bool more;
};

static void lacks(struct lacking *l, uint32_t c)
{
    for (size_t i = 0; i < l->n_named; i++)
        if (l->named[i] == c)
            return;
    if (l->n_named < MAX_NAMED)
        l->named[l->n_named++] = c;
    else
        l->more = true;
}

/* 'a', 'b', ...; control characters, which no terminal should be sent, by number. */
static enum asr_status report(const struct lacking *l, struct asr_error *err)
{
    char list[MAX_NAMED * 16] = "";
    size_t n = 0;

    for (size_t i = 0; i < l->n_named; i++) {
        uint32_t c = l->named[i];
        char utf8[MAX_CHARACTER_BYTES + 1] = "";
        put_character(utf8, c);
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s", i > 0 ? ", " : "");
        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            n += (size_t)snprintf(list + n, sizeof(list) - n, "U+%04X", (unsigned)c);
        else
            n += (size_t)snprintf(list + n, sizeof(list) - n, "'%s'", utf8);
    }
    return asr_fail(err, ASR_ERR_UNSUPPORTED, "the model does not have the character%s %s%s",
                    l->n_named > 1 ? "s" : "", list, l->more ? ", ..." : "");
}

/* ---- normalisation ----------------------------------------------------------------------------
 */

/* Spaces, and the marks that are not spoken. Signs that are ("%", "&", "+", "$") are not here. */
static bool separates_words(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r') ||
               (c && strchr("!\"(),-./:;<>?[\\]`{|}", (int)c));
    return c == 0x85 || c == 0xA0 || c == 0xA1 || c == 0xAB || c == 0xB7 || c == 0xBB ||
           c == 0xBF || /* no-break space, Spanish marks, guillemets, middle dot */
           (c >= 0x2000 && c <= 0x200B) || /* spaces */
           (c >= 0x2010 && c <= 0x201F) || /* hyphens, dashes, quotes */
           c == 0x2026 || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x2039 || c == 0x203A ||
           c == 0x205F || /* ellipsis, line ends, more spaces, single guillemets */
           (c >= 0x3000 && c <= 0x3002) || c == 0xFEFF;
}

/* The text as the tokens have it; a word's end is one byte 0. */
struct normal {
    char *bytes;      /* [n] */
    uint32_t *source; /* [n + 1]: where in the text each is from, and where the last word ends */
    size_t n;
};

static enum asr_status normal_new(struct normal *to, size_t text_bytes, struct asr_error *err)
{
    /* No character becomes longer, but a stray byte that is not UTF-8 becomes two. */
    size_t n = 2 * text_bytes + 1;

    to->n = 0;
    to->bytes = malloc(n);
    to->source = malloc(n * sizeof(*to->source));
    if (to->bytes && to->source)
        return ASR_OK;
    free(to->bytes);
    free(to->source);
    return asr_fail(err, ASR_ERR_NOMEM, "out of memory for a text of %zu bytes", text_bytes);
}

static void normal_free(struct normal *n)
{
    free(n->bytes);
    free(n->source);
}

/* What the tokens have for it; 0: nothing, and it is left out; UINT32_MAX: it is lacking. */
static uint32_t counterpart(const struct speller *s, uint32_t c)
{
    if (has_character(s, c))
        return c;
    if (has_character(s, other_case(c)))
        return other_case(c);
    if (c == APOSTROPHE || c == RIGHT_QUOTE)
        return has_character(s, APOSTROPHE) ? APOSTROPHE : 0;
    return UINT32_MAX;
}

static void normalise(const struct speller *s, const char *text, struct normal *to,
                      struct lacking *lacking)
{
    const char *at = text;
    bool in_word = false;

    to->source[0] = 0;
    while (*at) {
        uint32_t begin = (uint32_t)(at - text);
        uint32_t c = next_character(&at);
        uint32_t own = counterpart(s, c);
        if (own == UINT32_MAX && separates_words(c)) {
            if (in_word) {
                to->source[to->n] = begin;
                to->bytes[to->n++] = 0;
            }
            in_word = false;
        } else if (own == UINT32_MAX) {
            lacks(lacking, c);
        } else if (own != 0) {
            size_t n_bytes = put_character(to->bytes + to->n, own);
            for (size_t i = 0; i < n_bytes; i++)
                to->source[to->n++] = begin;
            in_word = true;
        }
    }
    if (in_word)
        to->source[to->n] = (uint32_t)(at - text);
    else if (to->n > 0) /* the separator behind the last word: its place is that word's end */
        to->n--;
}

/* ---- cutting ----------------------------------------------------------------------------------
 */

static void cut_up(const struct speller *s, const char *text, const struct normal *from,
                   struct labels *out, struct lacking *lacking)
{
    size_t at = 0, word_end = 0;

    while (at < from->n) {
        if (at >= word_end) {
            const char *end = memchr(from->bytes + at, 0, from->n - at);
            word_end = end ? (size_t)(end - from->bytes) : from->n;
        }
        struct spelling separator = {"", 1, (uint32_t)s->config->word_separator};
        const struct spelling *token =
            at == word_end ? &separator : longest(s, from->bytes + at, word_end - at);
        if (!token) {
            const char *stuck = text + from->source[at];
            lacks(lacking, next_character(&stuck));
            return;
        }
        out->tokens[out->n] = token->token;
        out->spans[out->n].begin = from->source[at];
        at += token->n_bytes;
        out->spans[out->n++].end = from->source[at];
    }
}

static enum asr_status labels_new(struct labels *out, size_t n, struct asr_error *err)
{
    out->tokens = malloc((n + 1) * sizeof(*out->tokens));
    out->spans = malloc((n + 1) * sizeof(*out->spans));
    if (out->tokens && out->spans)
        return ASR_OK;
    labels_free(out);
    return asr_fail(err, ASR_ERR_NOMEM, "out of memory for %zu labels", n);
}

enum asr_status labels_spell(const struct speller *speller, const char *text, struct labels *out,
                             struct asr_error *err)
{
    size_t text_bytes = strlen(text);
    struct lacking lacking = {.n_named = 0};
    struct normal normal;

    *out = (struct labels){0};
    if (text_bytes >= UINT32_MAX)
        return asr_fail(err, ASR_ERR_LIMIT, "a text of %zu bytes is too long", text_bytes);
    enum asr_status st = normal_new(&normal, text_bytes, err);
    if (st != ASR_OK)
        return st;
    normalise(speller, text, &normal, &lacking);
    if (lacking.n_named == 0) {
        st = labels_new(out, normal.n, err);
        if (st == ASR_OK)
            cut_up(speller, text, &normal, out, &lacking);
    }
    normal_free(&normal);
    if (st == ASR_OK && lacking.n_named > 0)
        st = report(&lacking, err);
    else if (st == ASR_OK && out->n == 0)
        st = asr_fail(err, ASR_ERR_INVALID, "there is no word in the text");
    if (st != ASR_OK)
        labels_free(out);
    return st;
}

void labels_free(struct labels *labels)
{
    free(labels->tokens);
    free(labels->spans);
    *labels = (struct labels){0};
}
