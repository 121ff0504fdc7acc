/* transcript.c - see transcript.h. One block of memory holds everything: the struct, its arrays,
 * then the texts. Segments are decided on the finished words. */
#include "model/transcript.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const struct segment_rules segment_defaults = {
    .max_gap_seconds = 0.8, .max_seconds = 10.0, .max_characters = 84, /* two lines of a subtitle */
};

/* What is read, and where the next text goes. */
struct builder {
    struct transcript *t;
    const struct model_config *config;
    const struct hypothesis *hypothesis;
    double frame_seconds;
    char *text; /* the next free byte */
};

static bool is_separator(const struct builder *b, size_t token)
{
    return b->hypothesis->tokens[token].token == b->config->word_separator;
}

/* The next run of tokens that are no separators, from *begin on: [*begin, *end). */
static bool next_word(const struct builder *b, size_t *begin, size_t *end)
{
    size_t n = b->hypothesis->n_tokens;

    while (*begin < n && is_separator(b, *begin))
        ++*begin;
    *end = *begin;
    while (*end < n && !is_separator(b, *end))
        ++*end;
    return *begin < n;
}

static double start_of(const struct builder *b, size_t token)
{
    double seconds = b->hypothesis->tokens[token].first_frame * b->frame_seconds;
    return fmin(seconds, b->t->duration_seconds);
}

static double end_of(const struct builder *b, size_t token)
{
    double seconds = (b->hypothesis->tokens[token].last_frame + 1.0) * b->frame_seconds;
    return fmin(seconds, b->t->duration_seconds);
}

static double mean_log_posterior(const struct builder *b, size_t begin, size_t end)
{
    double sum = 0.0;
    for (size_t i = begin; i < end; i++)
        sum += (double)b->hypothesis->tokens[i].log_posterior;
    return fmin(sum / (double)(end - begin), 0.0);
}

static void append(struct builder *b, const char *text)
{
    size_t n_bytes = strlen(text);
    memcpy(b->text, text, n_bytes);
    b->text += n_bytes;
}

static const char *spell(struct builder *b, size_t begin, size_t end)
{
    const char *text = b->text;
    for (size_t i = begin; i < end; i++)
        append(b, b->config->tokens[b->hypothesis->tokens[i].token]);
    *b->text++ = '\0';
    return text;
}

/* Words [first, first + n), joined by single spaces. */
static char *join(struct builder *b, size_t first, size_t n)
{
    char *text = b->text;
    for (size_t i = first; i < first + n; i++) {
        if (i > first)
            *b->text++ = ' ';
        append(b, b->t->words[i].text);
    }
    *b->text++ = '\0';
    return text;
}

/* Bytes of all words of a hypothesis, each with a byte for what follows it; *n_words of them. */
static size_t words_bytes(const struct builder *b, const struct hypothesis *h, size_t *n_words)
{
    const struct builder of_h = {.config = b->config, .hypothesis = h};
    size_t bytes = 0;

    *n_words = 0;
    for (size_t begin = 0, end; next_word(&of_h, &begin, &end); begin = end) {
        for (size_t i = begin; i < end; i++)
            bytes += strlen(b->config->tokens[h->tokens[i].token]);
        bytes++;
        ++*n_words;
    }
    return bytes;
}

/* The struct and its arrays, and behind them room for every word three times: alone, in its
 * segment and in the whole; and for the other alternatives' texts. */
static struct transcript *allocate(struct builder *b, size_t n_hypotheses)
{
    size_t n_tokens = b->hypothesis->n_tokens, n_words, n_other;
    size_t text_bytes = 3 * words_bytes(b, b->hypothesis, &n_words) + 1;

    for (size_t i = 1; i < n_hypotheses; i++)
        text_bytes += words_bytes(b, &b->hypothesis[i], &n_other) + 1;
    /* In the order of falling alignment. A segment has at least one word. No sum overflows: the
     * hypotheses are in memory, and a token's text is no longer than the config that it is from. */
    size_t words = sizeof(struct transcript);
    size_t segments = words + n_words * sizeof(struct word);
    size_t alternatives = segments + n_words * sizeof(struct segment);
    size_t tokens = alternatives + n_hypotheses * sizeof(struct alternative);
    size_t posteriors = tokens + n_tokens * sizeof(uint32_t);
    size_t text = posteriors + n_tokens * sizeof(float);
    char *block = calloc(1, text + text_bytes);
    if (!block)
        return NULL;
    b->t = (struct transcript *)(void *)block;
    b->t->words = (struct word *)(void *)(block + words);
    b->t->segments = (struct segment *)(void *)(block + segments);
    b->t->alternatives = (struct alternative *)(void *)(block + alternatives);
    b->t->tokens = (uint32_t *)(void *)(block + tokens);
    b->t->token_log_posteriors = (float *)(void *)(block + posteriors);
    b->t->n_tokens = n_tokens;
    b->text = block + text;
    return b->t;
}

static size_t characters(const char *utf8)
{
    size_t n = 0;
    for (; *utf8; utf8++)
        n += ((unsigned char)*utf8 & 0xC0) != 0x80;
    return n;
}

/* A segment while words are added to it. */
struct draft {
    struct segment segment;
    size_t end_token, n_characters;
    uint32_t first_frame, last_frame;
};

static bool belongs(const struct draft *d, const struct word *word, const struct segment_rules *r)
{
    return word->start_seconds - d->segment.end_seconds <= r->max_gap_seconds &&
           word->end_seconds - d->segment.start_seconds <= r->max_seconds &&
           d->n_characters + 1 + characters(word->text) <= r->max_characters;
}

/* A CTC network says silence by saying blank all the way. */
static double no_speech(const struct builder *b, const struct draft *d, const float *log_posteriors)
{
    double sum = 0.0;
    for (size_t t = d->first_frame; t <= d->last_frame; t++)
        sum += (double)log_posteriors[t * b->config->n_tokens + b->config->blank];
    return exp(fmin(sum, 0.0));
}

static void close_segment(struct builder *b, const struct draft *d, const float *log_posteriors)
{
    struct segment *s = &b->t->segments[b->t->n_segments++];

    *s = d->segment;
    s->n_tokens = d->end_token - s->first_token;
    s->text = join(b, s->first_word, s->n_words);
    s->mean_log_posterior = mean_log_posterior(b, s->first_token, d->end_token);
    s->no_speech_probability = no_speech(b, d, log_posteriors);
}

static void build(struct builder *b, const float *log_posteriors, const struct segment_rules *rules)
{
    struct transcript *t = b->t;
    struct draft d = {0};

    for (size_t begin = 0, end; next_word(b, &begin, &end); begin = end) {
        struct word *word = &t->words[t->n_words];
        *word = (struct word){
            .text = spell(b, begin, end),
            .start_seconds = start_of(b, begin),
            .end_seconds = end_of(b, end - 1),
            .confidence = exp(mean_log_posterior(b, begin, end)),
        };
        bool joins = d.segment.n_words > 0 && belongs(&d, word, rules);
        if (!joins) {
            if (d.segment.n_words > 0)
                close_segment(b, &d, log_posteriors);
            d = (struct draft){.first_frame = b->hypothesis->tokens[begin].first_frame};
            d.segment.start_seconds = word->start_seconds;
            d.segment.first_word = t->n_words;
            d.segment.first_token = begin;
        }
        d.n_characters += characters(word->text) + joins;
        d.last_frame = b->hypothesis->tokens[end - 1].last_frame;
        d.segment.end_seconds = word->end_seconds;
        d.segment.n_words++;
        d.end_token = end;
        t->n_words++;
    }
    if (d.segment.n_words > 0)
        close_segment(b, &d, log_posteriors);
}

/* The words of a hypothesis that has none in the transcript, joined by single spaces. */
static const char *spell_joined(struct builder *b, const struct hypothesis *h)
{
    const struct hypothesis *own = b->hypothesis;
    char *text = b->text;

    b->hypothesis = h;
    for (size_t begin = 0, end; next_word(b, &begin, &end); begin = end) {
        if (b->text > text)
            b->text[-1] = ' '; /* where the word before ended */
        spell(b, begin, end);
    }
    b->hypothesis = own;
    if (b->text == text)
        *b->text++ = '\0';
    return text;
}

static void list_alternatives(struct builder *b, size_t n_hypotheses)
{
    struct transcript *t = b->t;

    t->n_alternatives = n_hypotheses;
    for (size_t i = 0; i < n_hypotheses; i++) {
        const struct hypothesis *h = &b->hypothesis[i];
        t->alternatives[i] = (struct alternative){
            .text = i == 0 ? t->text : spell_joined(b, h),
            .acoustic_log_probability = h->log_probability,
            .language_score = h->fusion_score,
        };
    }
}

enum asr_status transcript_new(struct transcript **out, const struct model_config *config,
                               const struct hypothesis *hypotheses, size_t n_hypotheses,
                               const float *log_posteriors, size_t frames, double frame_seconds,
                               double duration_seconds, const struct segment_rules *rules,
                               struct asr_error *err)
{
    struct builder b = {.config = config, .hypothesis = hypotheses, .frame_seconds = frame_seconds};
    struct transcript *t = allocate(&b, n_hypotheses);

    *out = NULL;
    if (!t)
        return asr_fail(err, ASR_ERR_NOMEM, "transcript of %zu tokens: out of memory",
                        hypotheses->n_tokens);
    t->duration_seconds = duration_seconds;
    for (size_t i = 0; i < hypotheses->n_tokens; i++) {
        assert(hypotheses->tokens[i].token < config->n_tokens);
        assert(hypotheses->tokens[i].last_frame < frames);
        t->tokens[i] = hypotheses->tokens[i].token;
        t->token_log_posteriors[i] = hypotheses->tokens[i].log_posterior;
    }
    (void)frames;
    build(&b, log_posteriors, rules);
    t->text = join(&b, 0, t->n_words);
    list_alternatives(&b, n_hypotheses);
    *out = t;
    return ASR_OK;
}

void transcript_free(struct transcript *t)
{
    free(t);
}
