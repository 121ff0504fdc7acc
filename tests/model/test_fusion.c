/* The beam search with a language model and phrases. The witnesses: a walk over every path, whose
 * texts are scored word by word and searched for phrases here; and the texts and scores published
 * with pyctcdecode and parlance/ctcdecode. */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/ctc_beam.h"
#include "tests/model/every_path.h"
#include "tests/model/ngram_fixture.h"
#include "tests/model/parlance.h"
#include "tests/support/suite.h"

static const double LN10 = 2.302585092994045684;

static const struct ctc_beam_config everything = {
    .beam_width = CTC_BEAM_MAX_WIDTH,
    .min_log_posterior = -INFINITY,
    .score_margin = INFINITY,
};

static struct ctc_beam *beam_new(const struct fusion *fusion, const struct ctc_beam_config *config)
{
    struct ctc_beam *beam;
    ck_assert_int_eq(
        ctc_beam_new(&beam, fusion->config->n_tokens, fusion->config->blank, config, NULL), ASR_OK);
    ctc_beam_fuse(beam, fusion);
    ctc_beam_start(beam);
    return beam;
}

static void spell(const struct model_config *config, const uint32_t *labels, size_t n, char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(text, config->tokens[labels[i]]);
}

/* ---- every path -------------------------------------------------------------------------------
 */

static char *letters[] = {"a", "<blank>", " ", "b"};
static const struct model_config config = {
    .tokens = letters, .n_tokens = TOKENS, .blank = BLANK, .word_separator = 2};

static const struct phrase phrase_list[] = {
    {"ab", 2.5}, {"b a", 3.0}, {"a", 0.5}, {"bb a ba", 4.0}};

/* How often the words of `phrase` are there, one after the other. */
static size_t count_phrase(const char *phrase, char words[][8], size_t n_words)
{
    char copy[32], *rest = NULL, *parts[8];
    size_t n_parts = 0, n = 0;

    snprintf(copy, sizeof(copy), "%s", phrase);
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        parts[n_parts++] = w;
    for (size_t at = 0; at + n_parts <= n_words; at++) {
        bool same = true;
        for (size_t i = 0; i < n_parts; i++)
            same = same && strcmp(words[at + i], parts[i]) == 0;
        n += same;
    }
    return n;
}

/* Whether the last word is where some phrase has it. */
static bool in_its_place(char words[][8], size_t n_words)
{
    char begin[64];
    for (size_t i = 0; i < COUNT(phrase_list); i++) {
        for (size_t n = 1; n <= n_words; n++) { /* the last n words begin the phrase */
            begin[0] = '\0';
            for (size_t k = n_words - n; k < n_words; k++)
                strcat(strcat(begin, words[k]), " ");
            char whole[64];
            snprintf(whole, sizeof(whole), "%s ", phrase_list[i].text);
            if (strncmp(whole, begin, strlen(begin)) == 0)
                return true;
        }
    }
    return false;
}

static double worth(const struct fusion *f, const char *text)
{
    char words[FRAMES][8], copy[32], *rest = NULL;
    size_t n_words = 0;
    double sum = 0.0;
    struct ngram_state state = f->lm ? ngram_start(f->lm) : (struct ngram_state){0};

    if (f->lm && f->closed_vocabulary && (text[0] == ' ' || strstr(text, "  ")))
        return -INFINITY; /* an empty word is none of the model's */
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        snprintf(words[n_words++], sizeof(words[0]), "%s", w);
        if (!f->lm)
            continue;
        uint32_t word = ngram_find(f->lm, w, strlen(w));
        if (word == ngram_unk(f->lm) && !(f->phrases && in_its_place(words, n_words)))
            sum -= f->closed_vocabulary ? INFINITY : f->unknown_penalty;
        sum += f->beta +
               f->alpha * LN10 * (double)ngram_score(f->lm, state, word, &state).log10_probability;
    }
    if (f->lm && f->score_sentence_end)
        sum += f->alpha * LN10 *
               (double)ngram_score(f->lm, state, ngram_eos(f->lm), NULL).log10_probability;
    for (size_t i = 0; i < COUNT(phrase_list) && f->phrases; i++)
        sum += phrase_list[i].weight * (double)count_phrase(phrase_list[i].text, words, n_words);
    return sum;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

enum { WITH_LM = 1, WITH_PHRASES = 2, CLOSED = 4, MODES = 8 };

START_TEST(a_wide_beam_finds_what_a_walk_over_every_path_finds)
    {
        enum { N_BEST = 20 };
        static struct answer answers[STRINGS];
        static double scores[STRINGS];
        struct compiled lm = compile(TINY_ARPA, 32);
        struct vocabulary *vocabulary;
        struct phrases *phrases;
        struct hypothesis found[N_BEST] = {0};
        float posteriors[FRAMES * TOKENS];
        size_t n_found, n_possible = 0;
        char text[32];
        int mode = _i % MODES;

        ck_assert_int_eq(vocabulary_new(&vocabulary, lm.lm, NULL), ASR_OK);
        ck_assert_int_eq(phrases_new(&phrases, &config, phrase_list, COUNT(phrase_list), NULL),
                         ASR_OK);
        struct fusion fusion = {
            .config = &config,
            .lm = mode & WITH_LM ? lm.lm : NULL,
            .vocabulary = mode & WITH_LM ? vocabulary : NULL,
            .phrases = mode & WITH_PHRASES ? phrases : NULL,
            .alpha = 0.7,
            .beta = 0.9,
            .unknown_penalty = 1.5,
            .closed_vocabulary = mode & CLOSED,
            .score_sentence_end = _i % 3,
        };
        srand(300 + (unsigned)_i);
        random_posteriors(posteriors, FRAMES, TOKENS);
        walk_every_path(posteriors, answers);
        for (size_t i = 0; i < STRINGS; i++) {
            if (answers[i].probability <= 0.0)
                continue;
            spell(&config, answers[i].labels, answers[i].n_labels, text);
            scores[n_possible++] = log(answers[i].probability) + worth(&fusion, text);
        }
        qsort(scores, n_possible, sizeof(*scores), descending);

        struct ctc_beam *beam = beam_new(&fusion, &everything);
        ck_assert_int_eq(ctc_beam_step(beam, posteriors, FRAMES, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, found, N_BEST, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, N_BEST);
        for (size_t i = 0; i < N_BEST; i++) {
            uint32_t labels[FRAMES];
            for (size_t k = 0; k < found[i].n_tokens; k++)
                labels[k] = found[i].tokens[k].token;
            spell(&config, labels, found[i].n_tokens, text);
            ck_assert_double_eq_tol(found[i].log_probability + found[i].fusion_score, scores[i],
                                    1e-6);
            ck_assert_double_eq_tol(found[i].fusion_score, worth(&fusion, text), 1e-6);
            hypothesis_free(&found[i]);
        }
        ctc_beam_free(beam);
        phrases_free(phrases);
        vocabulary_free(vocabulary);
        compiled_free(&lm);
    }
END_TEST

/* The bounds of fusion_reach() and fusion_max_word_end_gain() must hold for any text, or the search
 * drops what it should keep. */
START_TEST(no_token_gains_more_than_is_foretold)
    {
        struct compiled lm = compile(TINY_ARPA, 32);
        struct vocabulary *vocabulary;
        struct phrases *phrases;

        ck_assert_int_eq(vocabulary_new(&vocabulary, lm.lm, NULL), ASR_OK);
        ck_assert_int_eq(phrases_new(&phrases, &config, phrase_list, COUNT(phrase_list), NULL),
                         ASR_OK);
        struct fusion fusion = {.config = &config,
                                .lm = lm.lm,
                                .vocabulary = vocabulary,
                                .phrases = _i & 1 ? phrases : NULL,
                                .alpha = _i & 8 ? 0.7 : 0.05,
                                .beta = _i & 2 ? 0.9 : -0.9,
                                .unknown_penalty = _i & 4 ? 1.5 : 0.0};
        srand(77);
        for (int round = 0; round < 300; round++) {
            struct fusion_state s = fusion_start(&fusion);
            for (int length = 0; length < 12; length++) {
                static const uint32_t tokens[] = {0, 2, 3};
                uint32_t token = tokens[rand() % 3];
                struct fusion_state next = fusion_next(&fusion, &s, token);
                struct fusion_reach reach = fusion_reach(&fusion, &s);
                bool inside = reach.letters & 1u << (unsigned char)letters[token][0] % 32;
                double most = token == config.word_separator ? fusion_max_word_end_gain(&fusion, &s)
                              : inside                       ? reach.inside
                                                             : reach.outside;
                ck_assert_double_le(next.score - s.score, most + 1e-9);
                s = next;
            }
        }
        phrases_free(phrases);
        vocabulary_free(vocabulary);
        compiled_free(&lm);
    }
END_TEST

/* ---- pyctcdecode ------------------------------------------------------------------------------
 */

/* One published case, its matrix and its model; what our search needs of it. */
struct published {
    json_t *cases, *matrices;
    const json_t *this;
    struct model_config config;
    char *tokens[16];
    float *log_posteriors;
    size_t frames;
    struct compiled lm;
    struct vocabulary *vocabulary;
    struct phrases *phrases;
    struct fusion fusion;
};

static double number(const struct published *p, const char *key)
{
    const json_t *value = json_object_get(p->this, key);
    if (!value)
        value = json_object_get(json_object_get(p->cases, "defaults"), key);
    ck_assert_msg(json_is_number(value), "%s", key);
    return json_number_value(value);
}

/* STATEFUL_PROBS and STRETCHED_ONEHOT are probabilities, which pyctcdecode clips at 1e-15. */
static void read_matrix(struct published *p)
{
    const char *name = json_string_value(json_object_get(p->this, "matrix"));
    const json_t *labels = json_object_get(p->matrices, "labels");
    const json_t *rows = json_object_get(json_object_get(p->matrices, "matrices"), name);
    bool linear = strcmp(name, "STATEFUL_PROBS") == 0 || strcmp(name, "STRETCHED_ONEHOT") == 0;
    size_t n = json_array_size(labels);

    ck_assert_uint_le(n, COUNT(p->tokens));
    for (size_t k = 0; k < n; k++)
        p->tokens[k] = (char *)(uintptr_t)json_string_value(json_array_get(labels, k));
    p->config = (struct model_config){
        .tokens = p->tokens,
        .n_tokens = n,
        .blank = (size_t)json_integer_value(json_object_get(p->matrices, "blank_index")),
        .word_separator = 0,
    };
    p->frames = json_array_size(rows);
    p->log_posteriors = malloc(p->frames * n * sizeof(float));
    ck_assert_ptr_nonnull(p->log_posteriors);
    for (size_t i = 0; i < p->frames * n; i++) {
        double value = json_number_value(json_array_get(json_array_get(rows, i / n), i % n));
        p->log_posteriors[i] = (float)(linear ? log(fmax(value, 1e-15)) : value);
    }
}

/* pyctcdecode keeps a word list beside the model, and a word of the model that is not on it is
 * charged as unknown. Ours has the model's words: where the case's list lacks "bugs", so does the
 * model. */
static const char bunny_arpa[] =
    "\\data\\\nngram 1=4\nngram "
    "2=2\n\n\\1-grams:\n-10\t<unk>\t0\n0\t<s>\t0\n0\t</s>\t0\n0\tbunny\t0\n\n"
    "\\2-grams:\n0\tbunny </s>\n-10\t<s> bunny\n\n\\end\\\n";

static void read_model(struct published *p)
{
    const json_t *words = json_object_get(p->this, "unigrams");
    bool without_bugs = json_array_size(words) == 1 && number(p, "unk_score_offset") < 0.0;

    if (!json_object_get(p->this, "lm"))
        return;
    p->lm = without_bugs ? compile(bunny_arpa, 32)
                         : compile_file("tests/data/pyctcdecode/bugs_bunny.arpa", 32);
    ck_assert_int_eq(vocabulary_new(&p->vocabulary, p->lm.lm, NULL), ASR_OK);
    p->fusion.lm = p->lm.lm;
    p->fusion.vocabulary = p->vocabulary;
}

/* Their weight is for each word. */
static void read_phrases(struct published *p)
{
    const json_t *hotwords = json_object_get(p->this, "hotwords");
    struct phrase list[4];
    size_t n = json_array_size(hotwords);

    if (n == 0)
        return;
    ck_assert_uint_le(n, COUNT(list));
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(hotwords, i));
        double n_words = strchr(text, ' ') ? 2.0 : 1.0;
        list[i] = (struct phrase){text, n_words * number(p, "hotword_weight")};
    }
    ck_assert_int_eq(phrases_new(&p->phrases, &p->config, list, n, NULL), ASR_OK);
    p->fusion.phrases = p->phrases;
}

static struct published published_read(size_t index)
{
    struct published p = {0};
    p.cases = json_load_file("tests/data/pyctcdecode/bugs_bunny_cases.json", 0, NULL);
    p.matrices = json_load_file("tests/data/pyctcdecode/bugs_bunny_matrices.json", 0, NULL);
    p.this = json_array_get(json_object_get(p.cases, "cases"), index);
    ck_assert_ptr_nonnull(p.this);
    read_matrix(&p);
    double alpha = number(&p, "alpha");
    p.fusion = (struct fusion){
        .alpha = alpha,
        .beta = number(&p, "beta"),
        .unknown_penalty = -number(&p, "unk_score_offset") * alpha * LN10,
        .score_sentence_end = true,
    };
    read_model(&p);
    read_phrases(&p);
    return p;
}

static void published_free(struct published *p)
{
    free(p->log_posteriors);
    phrases_free(p->phrases);
    vocabulary_free(p->vocabulary);
    if (p->lm.lm)
        compiled_free(&p->lm);
    json_decref(p->cases);
    json_decref(p->matrices);
}

/* Their decoder takes and drops spaces at will; words are words. */
static void text_of(const struct published *p, const struct hypothesis *h, char *text)
{
    char *out = text;
    for (size_t i = 0; i < h->n_tokens; i++) {
        const char *token = p->config.tokens[h->tokens[i].token];
        if (*token == ' ' && (out == text || out[-1] == ' '))
            continue;
        *out++ = *token;
    }
    if (out > text && out[-1] == ' ')
        out--;
    *out = '\0';
}

static void decode(struct published *p, const struct ctc_beam_config *search, size_t begin,
                   size_t end, struct hypothesis *h, char *text)
{
    size_t n_found;

    p->config.tokens = p->tokens;
    p->fusion.config = &p->config;
    struct ctc_beam *beam = beam_new(&p->fusion, search);
    ck_assert_int_eq(
        ctc_beam_step(beam, p->log_posteriors + begin * p->config.n_tokens, end - begin, NULL),
        ASR_OK);
    ck_assert_int_eq(ctc_beam_finish(beam, h, 1, &n_found, NULL), ASR_OK);
    text_of(p, h, text);
    ctc_beam_free(beam);
}

static struct ctc_beam_config search_of(const struct published *p)
{
    return (struct ctc_beam_config){
        .beam_width = (size_t)number(p, "beam_width"),
        .min_log_posterior = (float)number(p, "token_min_logp"),
        .score_margin = (float)-number(p, "beam_prune_logp"),
    };
}

START_TEST(gives_the_text_that_pyctcdecode_publishes)
    {
        struct published p = published_read((size_t)_i);
        struct ctc_beam_config search = search_of(&p);
        const json_t *nbest = json_object_get(p.this, "computed_nbest");
        const char *want = json_string_value(json_object_get(p.this, "text"));
        struct hypothesis h = {0};
        size_t split = (size_t)json_integer_value(json_object_get(p.this, "split_at"));
        char text[256], first[256];

        if (!want)
            want = json_string_value(json_object_get(json_array_get(nbest, 0), "text"));
        decode(&p, &search, split, p.frames, &h, text);
        if (split) { /* two calls; with the state carried over it is one stream to us */
            bool carry = json_is_true(json_object_get(p.this, "carry_lm_state"));
            if (carry) {
                decode(&p, &search, 0, p.frames, &h, text);
            } else {
                decode(&p, &search, 0, split, &h, first);
                char second[256];
                decode(&p, &search, split, p.frames, &h, second);
                snprintf(text, sizeof(text), "%.100s %.100s", first, second);
            }
        }
        ck_assert_msg(strcmp(text, want) == 0, "%s: %s, not %s",
                      json_string_value(json_object_get(p.this, "id")), text, want);
        hypothesis_free(&h);
        published_free(&p);
    }
END_TEST

/* Where nothing was cut from the sums, and the score means the same: no model, or one whose words
 * are all known. */
static const size_t same_score[] = {0, 1, 2, 3, 4, 6, 7, 9, 12, 13, 14};

START_TEST(gives_the_score_that_pyctcdecode_publishes)
    {
        struct published p = published_read(same_score[_i]);
        struct ctc_beam_config search = search_of(&p);
        const json_t *best = json_array_get(json_object_get(p.this, "computed_nbest"), 0);
        struct hypothesis h = {0};
        char text[256];

        decode(&p, &search, 0, p.frames, &h, text);
        ck_assert_double_eq_tol(h.log_probability,
                                json_number_value(json_object_get(best, "logit_score")), 1e-4);
        ck_assert_double_eq_tol(h.log_probability + h.fusion_score,
                                json_number_value(json_object_get(best, "lm_score")), 1e-4);
        hypothesis_free(&h);
        published_free(&p);
    }
END_TEST

/* ---- parlance ---------------------------------------------------------------------------------
 */

/* alpha and beta are 0 in their test: the model's words are all that it uses. */
START_TEST(a_closed_vocabulary_gives_the_text_that_parlance_publishes)
    {
        struct parlance p = parlance_read("probs_seq2");
        struct compiled lm = compile_file("tests/data/parlance/test.arpa", 32);
        struct vocabulary *vocabulary;
        struct hypothesis h = {0};
        size_t n_found;
        char text[64];

        static char *tokens[] = {"'", " ", "a", "b", "c", "d", "_"};
        const struct model_config labels = {
            .tokens = tokens, .n_tokens = COUNT(tokens), .blank = p.blank, .word_separator = 1};
        ck_assert_int_eq(vocabulary_new(&vocabulary, lm.lm, NULL), ASR_OK);
        struct fusion fusion = {
            .config = &labels, .lm = lm.lm, .vocabulary = vocabulary, .closed_vocabulary = true};
        struct ctc_beam *beam = beam_new(&fusion, &everything);
        ck_assert_int_eq(ctc_beam_step(beam, p.log_posteriors, p.frames, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        parlance_text(&p, &h, text, sizeof(text));
        const json_t *published = json_object_get(p.document, "published");
        ck_assert_str_eq(text, json_string_value(json_object_get(
                                   json_object_get(published, "beam_seq2_lm"), "text")));
        hypothesis_free(&h);
        ctc_beam_free(beam);
        vocabulary_free(vocabulary);
        compiled_free(&lm);
        parlance_free(&p);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fusion");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, a_wide_beam_finds_what_a_walk_over_every_path_finds, 0, 48);
    tcase_add_loop_test(tc, no_token_gains_more_than_is_foretold, 0, 16);
    tcase_add_loop_test(tc, gives_the_text_that_pyctcdecode_publishes, 0, 20);
    tcase_add_loop_test(tc, gives_the_score_that_pyctcdecode_publishes, 0, COUNT(same_score));
    tcase_add_test(tc, a_closed_vocabulary_gives_the_text_that_parlance_publishes);
    suite_add_tcase(s, tc);
    return s;
}
