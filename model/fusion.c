#include "model/fusion.h"

#include <math.h>

#define LN_10 2.302585092994045684

struct fusion_state fusion_start(const struct fusion *f)
{
    if (f->context)
        return *f->context;
    return (struct fusion_state){
        .context = f->lm ? ngram_start(f->lm).node : 0,
        .spelt = VOCABULARY_ROOT,
        .in_phrase = PHRASES_START,
    };
}

static double word_price(const struct fusion *f, float log10_probability)
{
    return f->alpha * LN_10 * (double)log10_probability + f->beta;
}

/* What is added for a word that the model does not know. */
static double unknown_charge(const struct fusion *f, bool expected)
{
    if (f->closed_vocabulary && !expected)
        return -INFINITY;
    return expected ? 0.0 : -f->unknown_penalty;
}

static double unknown_price(const struct fusion *f, bool expected)
{
    return word_price(f, ngram_unigram(f->lm, ngram_unk(f->lm))) + unknown_charge(f, expected);
}

/* The best that can become of the word in progress. */
static double charge(const struct fusion *f, uint32_t spelt, uint32_t in_phrase)
{
    if (!f->lm || spelt == VOCABULARY_ROOT)
        return 0.0;
    if (spelt != VOCABULARY_NONE)
        return word_price(f, vocabulary_best(f->vocabulary, spelt));
    bool expected = f->phrases && in_phrase != PHRASES_OUTSIDE;
    return unknown_price(f, expected);
}

static double loan(const struct fusion *f, uint32_t in_phrase)
{
    return f->phrases ? phrases_loan(f->phrases, in_phrase) : 0.0;
}

static void price_word(const struct fusion *f, struct ngram_memo *memo, struct fusion_state *s)
{
    struct ngram_state context = {s->context};
    uint32_t word = vocabulary_word(f->vocabulary, s->spelt);

    if (word == VOCABULARY_NONE) {
        word = ngram_unk(f->lm);
        s->finished +=
            unknown_charge(f, f->phrases && phrases_expect_end(f->phrases, s->in_phrase));
    }
    float log10_probability = memo ? ngram_memo_score(memo, f->lm, context, word, &context)
                                   : ngram_score(f->lm, context, word, &context).log10_probability;
    s->finished += word_price(f, log10_probability);
    s->context = context.node;
}

static void end_word(const struct fusion *f, struct ngram_memo *memo, struct fusion_state *s)
{
    if (s->spelt == VOCABULARY_ROOT) { /* two separators: no word, which is no word of the model */
        if (f->lm && f->closed_vocabulary)
            s->finished = -INFINITY;
        return;
    }
    if (f->lm)
        price_word(f, memo, s);
    if (f->phrases) {
        double reward;
        s->in_phrase = phrases_word_end(f->phrases, s->in_phrase, &reward);
        s->finished += reward;
    }
    s->spelt = VOCABULARY_ROOT;
}

struct fusion_spelling fusion_spell(const struct fusion *f, const struct fusion_state *in,
                                    uint32_t token)
{
    const char *text = f->config->tokens[token];
    struct fusion_spelling s = {.spelt = VOCABULARY_NONE, .in_phrase = in->in_phrase};

    if (f->lm)
        s.spelt = vocabulary_next(f->vocabulary, in->spelt, text);
    if (f->phrases && s.in_phrase != PHRASES_OUTSIDE)
        s.in_phrase = phrases_next(f->phrases, s.in_phrase, text);
    s.score = in->finished + charge(f, s.spelt, s.in_phrase) + loan(f, s.in_phrase);
    return s;
}

struct fusion_state fusion_end_word(const struct fusion *f, struct ngram_memo *memo,
                                    const struct fusion_state *in)
{
    struct fusion_state s = *in;

    end_word(f, memo, &s);
    s.score = s.finished + charge(f, s.spelt, s.in_phrase) + loan(f, s.in_phrase);
    return s;
}

struct fusion_state fusion_next(const struct fusion *f, const struct fusion_state *in,
                                uint32_t token)
{
    if (token == f->config->word_separator)
        return fusion_end_word(f, NULL, in);
    struct fusion_spelling spelling = fusion_spell(f, in, token);
    return fusion_spelt(in, &spelling);
}

double fusion_end(const struct fusion *f, const struct fusion_state *in)
{
    struct fusion_state s = *in;

    if (s.spelt != VOCABULARY_ROOT)
        end_word(f, NULL, &s);
    if (f->lm && f->score_sentence_end) {
        struct ngram_state context = {s.context};
        float log10_probability =
            ngram_score(f->lm, context, ngram_eos(f->lm), NULL).log10_probability;
        s.finished += f->alpha * LN_10 * (double)log10_probability;
    }
    return s.finished;
}

/* A letter can only narrow what a word may become, but for the first one, from which on beta is
 * counted. One that leaves the vocabulary has a price of its own, whatever the word was. */
struct fusion_reach fusion_reach(const struct fusion *f, const struct fusion_state *in)
{
    double loans = f->phrases ? phrases_max_step(f->phrases) : 0.0;
    struct fusion_reach reach = {.letters = UINT32_MAX, .inside = loans, .outside = loans};

    if (!f->lm)
        return reach;
    bool expected = f->phrases && in->in_phrase != PHRASES_OUTSIDE;
    double unknown = unknown_price(f, expected) - charge(f, in->spelt, in->in_phrase);
    reach.outside += unknown;
    if (in->spelt == VOCABULARY_NONE) {
        reach.letters = 0;
        return reach;
    }
    reach.letters = vocabulary_reach(f->vocabulary, in->spelt);
    if (in->spelt == VOCABULARY_ROOT)
        reach.inside += fmax(f->beta, 0.0);
    reach.inside = fmax(reach.inside, reach.outside); /* a token's further bytes may leave */
    return reach;
}

/* As if the word that ends were certain. */
double fusion_max_word_end_gain(const struct fusion *f, const struct fusion_state *in)
{
    struct fusion_state s = *in;
    double gain = -charge(f, in->spelt, in->in_phrase);

    if (s.spelt == VOCABULARY_ROOT)
        return 0.0;
    if (f->lm)
        gain += f->beta;
    if (f->phrases) {
        double reward;
        s.in_phrase = phrases_word_end(f->phrases, s.in_phrase, &reward);
        gain += reward + loan(f, s.in_phrase) - loan(f, in->in_phrase);
    }
    return gain;
}
