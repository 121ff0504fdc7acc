#include "model/ngram.h"

#include <math.h>
#include <stdlib.h>

#include "audio/count.h"
#include "model/ngram_reader.h"

/* ---- opening -------------------------------------------------------------------------------- */

static void bind_level(struct ngram_level *level, const struct ngram_fields *f,
                       const uint8_t *bytes, uint64_t count)
{
    level->records = bytes + f->records_at;
    level->count = count;
    level->first_node = f->first_node;
    level->record_bits = f->record_bits;
    level->word_bits = f->word_bits;
    level->child_bits = f->child_bits;
    level->link_bits = f->link_bits;
    level->backoff_bits = f->backoff_bits;
    level->probability_bits = f->probability_bits;
    level->child_at = level->word_bits;
    level->link_at = (uint8_t)(level->child_at + level->child_bits);
    level->backoff_at = (uint8_t)(level->link_at + level->link_bits);
    level->probability_at = (uint8_t)(level->backoff_at + level->backoff_bits);
}

/* Copies a codebook out of the file, whose bytes need not be aligned nor in our byte order. */
static const float *load_codebook(float **next, const uint8_t *bytes, uint32_t values)
{
    float *book = *next;
    for (uint32_t i = 0; i < values; i++) {
        uint32_t pattern;
        memcpy(&pattern, bytes + sizeof(pattern) * i, sizeof(pattern));
        pattern = le32toh(pattern);
        memcpy(&book[i], &pattern, sizeof(pattern));
    }
    *next += values;
    return values ? book : NULL;
}

static enum asr_status bind(struct ngram *lm, const uint8_t *bytes,
                            const struct ngram_layout *layout, const char *name,
                            struct asr_error *err)
{
    const struct ngram_header *h = &lm->header;
    size_t values = 1; /* never ask for zero bytes */

    for (unsigned k = 0; k < h->order; k++)
        values += h->probability_values[k] + h->backoff_values[k];
    lm->codebooks = malloc(values * sizeof(float));
    if (!lm->codebooks)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", name);

    float *next = lm->codebooks;
    lm->order = h->order;
    lm->offsets = bytes + layout->offsets_at;
    lm->offset_bits = layout->offset_bits;
    lm->text = (const char *)bytes + layout->text_at;
    for (unsigned k = 0; k < h->order; k++) {
        struct ngram_level *level = &lm->levels[k];
        bind_level(level, &layout->orders[k], bytes, h->counts[k]);
        level->probabilities =
            load_codebook(&next, bytes + layout->probabilities_at[k], h->probability_values[k]);
        level->backoffs =
            load_codebook(&next, bytes + layout->backoffs_at[k], h->backoff_values[k]);
    }
    return ASR_OK;
}

static enum asr_status read_envelope(struct ngram *lm, const uint8_t *bytes, size_t n_bytes,
                                     struct ngram_layout *layout, const char *name,
                                     struct asr_error *err)
{
    struct asr_error why;

    if (n_bytes < NGRAM_HEADER_BYTES)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "%s: %zu bytes are too few for a compiled language model", name, n_bytes);
    enum asr_status st = ngram_header_read(&lm->header, bytes, name, err);
    if (st != ASR_OK)
        return st;
    if (lm->header.file_bytes != n_bytes)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: damaged: %zu bytes long, should be %llu", name,
                        n_bytes, (unsigned long long)lm->header.file_bytes);
    uint32_t sum = ngram_checksum(bytes, n_bytes);
    if (sum != lm->header.checksum)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: damaged: checksum %08x, should be %08x", name,
                        sum, lm->header.checksum);
    if (ngram_layout_of(&lm->header, layout, &why) != ASR_OK)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: impossible header: %s", name, why.text);
    if (layout->file_bytes != n_bytes)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: impossible header: its counts need %llu bytes",
                        name, (unsigned long long)layout->file_bytes);
    return ASR_OK;
}

static enum asr_status find_markers(struct ngram *lm, const char *name, struct asr_error *err)
{
    const struct {
        const char *text;
        uint32_t *word;
    } markers[] = {{"<unk>", &lm->unk}, {"<s>", &lm->bos}, {"</s>", &lm->eos}};

    /* The first one is its own stand-in for "no such word", so compare texts. */
    for (size_t i = 0; i < COUNT(markers); i++) {
        uint32_t word = ngram_find(lm, markers[i].text, strlen(markers[i].text));
        if (strcmp(ngram_text(lm, word, NULL), markers[i].text) != 0)
            return asr_fail(err, ASR_ERR_FORMAT, "%s: the vocabulary lacks %s", name,
                            markers[i].text);
        *markers[i].word = word;
    }
    return ASR_OK;
}

enum asr_status ngram_parse(struct ngram **out, const void *bytes, size_t n_bytes, const char *name,
                            struct asr_error *err)
{
    struct ngram_layout layout;
    struct ngram_state start;
    struct ngram *lm = calloc(1, sizeof(*lm));

    *out = NULL;
    if (!lm)
        return asr_fail(err, ASR_ERR_NOMEM, "%s: out of memory", name);
    enum asr_status st = read_envelope(lm, bytes, n_bytes, &layout, name, err);
    if (st == ASR_OK)
        st = bind(lm, bytes, &layout, name, err);
    if (st == ASR_OK)
        st = ngram_check(lm, name, err);
    if (st == ASR_OK)
        st = find_markers(lm, name, err);
    if (st != ASR_OK) {
        ngram_close(lm);
        return st;
    }
    ngram_score(lm, (struct ngram_state){0}, lm->bos, &start);
    lm->start_node = start.node;
    *out = lm;
    return ASR_OK;
}

enum asr_status ngram_open(struct ngram **out, const char *path, struct asr_error *err)
{
    struct mapped_file file;
    enum asr_status st = mapped_file_open(&file, path, err);

    *out = NULL;
    if (st == ASR_OK)
        st = ngram_parse(out, file.bytes, file.n_bytes, path, err);
    if (st == ASR_OK)
        (*out)->file = file;
    else
        mapped_file_close(&file);
    return st;
}

void ngram_close(struct ngram *lm)
{
    if (!lm)
        return;
    mapped_file_close(&lm->file);
    free(lm->codebooks);
    free(lm);
}

/* ---- vocabulary ----------------------------------------------------------------------------- */

static uint64_t text_offset(const struct ngram *lm, uint64_t word)
{
    return ngram_bits_get(lm->offsets, word * lm->offset_bits, lm->offset_bits);
}

const char *ngram_text(const struct ngram *lm, uint32_t word, size_t *n_bytes)
{
    uint64_t begin = text_offset(lm, word);
    if (n_bytes)
        *n_bytes = (size_t)(text_offset(lm, word + UINT64_C(1)) - begin - 1);
    return lm->text + begin;
}

uint32_t ngram_find(const struct ngram *lm, const char *text, size_t n_bytes)
{
    uint32_t low = 0, high = ngram_words(lm);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t other_bytes;
        const char *other = ngram_text(lm, middle, &other_bytes);
        int order = memcmp(text, other, n_bytes < other_bytes ? n_bytes : other_bytes);
        if (order == 0 && n_bytes == other_bytes)
            return middle;
        if (order < 0 || (order == 0 && n_bytes < other_bytes))
            high = middle;
        else
            low = middle + 1;
    }
    return lm->unk;
}

/* ---- queries -------------------------------------------------------------------------------- */

static unsigned order_of(const struct ngram *lm, uint32_t node)
{
    unsigned order = 1;

    if (node == 0)
        return 0;
    while (order + 1 < lm->order && node >= lm->levels[order].first_node)
        order++;
    return order;
}

static uint32_t word_at(const struct ngram_level *level, uint64_t record)
{
    return (uint32_t)ngram_field(level, record, 0, level->word_bits);
}

/* The record with `word` in [begin, end) of `level`, sorted by word. Words are numbered in the
 * order of their text, which spreads the children of a frequent context evenly enough that
 * interpolating beats halving on long runs; every second probe halves, so that no run is slow. */
static bool find_child(const struct ngram_level *level, uint32_t begin, uint32_t end, uint32_t word,
                       uint32_t words, uint32_t *record)
{
    enum { SHORT_RUN = 8 };
    uint32_t low_word = 0, high_word = words; /* all of [begin, end) are in [low, high) */
    bool interpolate = true;

    while (end - begin > SHORT_RUN) {
        uint32_t probe = begin + (end - begin) / 2;
        if (interpolate)
            probe = begin + (uint32_t)((uint64_t)(end - begin) * (word - low_word) /
                                       (high_word - low_word));
        interpolate = !interpolate;
        uint32_t found = word_at(level, probe);
        if (found == word) {
            *record = probe;
            return true;
        }
        if (found < word) {
            begin = probe + 1;
            low_word = found + 1;
        } else {
            end = probe;
            high_word = found;
        }
    }
    for (; begin < end; begin++) {
        uint32_t found = word_at(level, begin);
        if (found >= word) {
            *record = begin;
            return found == word;
        }
    }
    return false;
}

/* Whether words to come can depend on this context: it begins longer n-grams or costs something. */
static bool matters(const struct ngram_level *level, uint64_t record)
{
    return ngram_child_begin(level, record) != ngram_child_begin(level, record + 1) ||
           ngram_backoff(level, record) != 0;
}

/* Where to go on from a node of `order` after a word was not found among its children: the longest
 * proper suffix that matters. */
static uint32_t shorter_context(const struct ngram *lm, unsigned order, uint32_t record)
{
    const struct ngram_level *level = &lm->levels[order - 1];

    if (order == 1)
        return 0;
    if (order > 2)
        return (uint32_t)ngram_field(level, record, level->link_at, level->link_bits);
    uint32_t word = word_at(level, record);
    return matters(&lm->levels[0], word) ? lm->levels[0].first_node + word : 0;
}

/* The n-gram of the context's words and `word`, as a record of the next order. */
static bool find_ngram(const struct ngram *lm, unsigned order, uint32_t context, uint32_t word,
                       uint32_t *record)
{
    const struct ngram_level *level = &lm->levels[order - 1];
    return find_child(&lm->levels[order], ngram_child_begin(level, context),
                      ngram_child_begin(level, context + UINT64_C(1)), word, ngram_words(lm),
                      record);
}

struct ngram_score ngram_score(const struct ngram *lm, struct ngram_state in, uint32_t word,
                               struct ngram_state *out)
{
    struct ngram_score score = {0, 0}; /* matched 0: not found yet */
    bool placed = false;               /* *next is known */
    uint32_t node = in.node, next = 0;

    /* From the longest context to the shortest: the first n-gram found that has a probability
     * gives the score, the first found that can be a context gives the state. */
    while (score.matched == 0 || !placed) {
        unsigned order = order_of(lm, node);
        uint32_t context = order ? node - lm->levels[order - 1].first_node : 0, record = word;
        if (order == 0 || find_ngram(lm, order, context, word, &record)) {
            float log10_probability = ngram_probability(&lm->levels[order], record);
            if (score.matched == 0 && !isnan(log10_probability)) {
                score.log10_probability += log10_probability;
                score.matched = order + 1;
            }
            if (!placed && order + 1 < lm->order) {
                const struct ngram_level *level = &lm->levels[order];
                next = matters(level, record) ? level->first_node + record
                                              : shorter_context(lm, order + 1, record);
                placed = true;
            }
        }
        if (order == 0)
            break;
        if (score.matched == 0)
            score.log10_probability += ngram_backoff(&lm->levels[order - 1], context);
        node = shorter_context(lm, order, context);
    }
    if (out)
        out->node = next;
    return score;
}

float ngram_unigram(const struct ngram *lm, uint32_t word)
{
    return ngram_probability(&lm->levels[0], word);
}

struct ngram_state ngram_start(const struct ngram *lm)
{
    return (struct ngram_state){lm->start_node};
}

/* ---- what it is ----------------------------------------------------------------------------- */

unsigned ngram_order(const struct ngram *lm)
{
    return lm->order;
}

uint32_t ngram_words(const struct ngram *lm)
{
    return (uint32_t)lm->levels[0].count;
}

uint32_t ngram_bos(const struct ngram *lm)
{
    return lm->bos;
}

uint32_t ngram_eos(const struct ngram *lm)
{
    return lm->eos;
}

uint32_t ngram_unk(const struct ngram *lm)
{
    return lm->unk;
}

void ngram_info(const struct ngram *lm, struct ngram_info *out)
{
    *out = (struct ngram_info){
        .order = lm->order,
        .contexts_added = lm->header.contexts_added,
        .file_bytes = lm->header.file_bytes,
        .checksum = lm->header.checksum,
        .unk_given = lm->header.unk_given,
    };
    for (unsigned k = 0; k < lm->order; k++) {
        out->ngrams[k] = lm->levels[k].count;
        out->probability_bits[k] = lm->levels[k].probability_bits;
        out->backoff_bits[k] = lm->levels[k].backoff_bits;
    }
}
