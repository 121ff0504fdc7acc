/* Scores, states and vocabulary of the compiled language model. The goldens in tests/data/ngram are
 * KenLM's, or by definition, in plain Python (tests/data/ngram_golden.py). */
#include "model/ngram.h"

#include <math.h>
#include <stdbool.h>

#include "tests/model/ngram_fixture.h"
#include "tests/support/suite.h"

/* One word of a golden line: "-0.4846522/2 ". */
static const char *next_golden(const char *at, float *log10_probability, unsigned *matched)
{
    char *end;
    *log10_probability = strtof(at, &end);
    ck_assert_int_eq(*end, '/');
    *matched = (unsigned)strtoul(end + 1, &end, 10);
    return end;
}

struct golden_totals {
    size_t words, order_differs;
    double ours, theirs; /* log10, words in the vocabulary */
    double worst;
};

/* Scores each sentence of a golden file and compares word by word. */
static struct golden_totals score_goldens(const struct ngram *lm, const char *path)
{
    struct golden_totals totals = {0};
    char line[8192];
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);

    while (fgets(line, sizeof(line), file)) {
        struct ngram_state state = ngram_start(lm);
        const char *const sentence_end = strchr(line, '\t') + 1;
        const char *golden = sentence_end, *word = line;
        for (bool end = false; !end; word += strcspn(word, " \t") + 1) {
            end = word == sentence_end;
            uint32_t id = end ? ngram_eos(lm) : ngram_find(lm, word, strcspn(word, " \t"));
            float expected;
            unsigned matched;
            golden = next_golden(golden, &expected, &matched);
            struct ngram_score score = ngram_score(lm, state, id, &state);
            /* A model without <unk> has what it was compiled with; KenLM takes -100. */
            if (id == ngram_unk(lm) && expected <= -50)
                expected += 100 + ngram_unigram(lm, id);
            totals.worst = fmax(totals.worst, fabs(score.log10_probability - expected));
            totals.order_differs += score.matched != matched;
            totals.words++;
            if (expected > -50) {
                totals.ours += score.log10_probability;
                totals.theirs += expected;
            }
            if (end)
                ck_assert_int_eq(*golden, '\n');
        }
    }
    fclose(file);
    return totals;
}

static const struct {
    const char *arpa, *golden;
    size_t words;
} goldens[] = {
    {"tests/data/ngram/kenlm-test.arpa", "tests/data/ngram/kenlm-test.tsv", 88},
    {"tests/data/ngram/en-subset.arpa.gz", "tests/data/ngram/en-subset.tsv", 1594},
    /* By the definition: KenLM refuses missing contexts and gets missing suffixes wrong. */
    {"tests/data/ngram/pruned.arpa", "tests/data/ngram/pruned.tsv", 2481},
};

START_TEST(unquantised_scores_are_the_witnesses)
    {
        struct compiled c = compile_file(goldens[_i].arpa, 32);
        struct golden_totals totals = score_goldens(c.lm, goldens[_i].golden);
        ck_assert_uint_eq(totals.words, goldens[_i].words);
        ck_assert_uint_eq(totals.order_differs, 0);
        ck_assert_double_le(totals.worst, 1e-5);
        compiled_free(&c);
    }
END_TEST

START_TEST(sixteen_bits_lose_nothing_of_three_decimals)
    {
        struct compiled c = compile_file("tests/data/ngram/en-subset.arpa.gz", 16);
        struct golden_totals totals = score_goldens(c.lm, "tests/data/ngram/en-subset.tsv");
        ck_assert_uint_eq(totals.order_differs, 0);
        ck_assert_double_le(totals.worst, 1e-5);
        compiled_free(&c);
    }
END_TEST

START_TEST(eight_bits_move_perplexity_by_less_than_half_a_percent)
    {
        struct compiled c = compile_file("tests/data/ngram/en-subset.arpa.gz", 8);
        struct golden_totals totals = score_goldens(c.lm, "tests/data/ngram/en-subset.tsv");
        double per_word = fabs(totals.ours - totals.theirs) / (double)totals.words;
        ck_assert_uint_eq(totals.order_differs, 0);
        ck_assert_double_gt(totals.worst, 1e-5); /* it is quantised */
        ck_assert_double_le(totals.worst, 0.1);
        ck_assert_double_le(per_word, log10(1.005));
        compiled_free(&c);
    }
END_TEST

START_TEST(the_shipped_model_scores_as_kenlm_does_on_its_arpa_file)
    {
        struct ngram *lm;
        struct asr_error err = {0};
        ck_assert_msg(ngram_open(&lm, "model/en/lm.ngram", &err) == ASR_OK, "%s", err.text);
        struct golden_totals totals = score_goldens(lm, "tests/data/ngram/en.tsv");
        ck_assert_uint_eq(totals.words, 1594);
        ck_assert_uint_eq(totals.order_differs, 0);
        ck_assert_double_le(totals.worst, 0.15);
        ck_assert_double_le(fabs(totals.ours - totals.theirs) / (double)totals.words, log10(1.005));
        ngram_close(lm);
    }
END_TEST

START_TEST(only_the_longest_known_context_is_remembered)
    {
        struct compiled c = compile_file("tests/data/ngram/kenlm-test.arpa", 32);
        static const char *const same[][2] = {
            {"look beyond", "call for look beyond"}, /* "beyond" alone has bigrams */
            {"not_found", "looking on a not_found"}, /* <unk> is a context, "a <unk>" is none */
            {"a little more loin", "on a little more loin"}, /* 5-grams end: four words remain */
            {"the biarritz", "what the biarritz"},
        };
        for (size_t i = 0; i < COUNT(same); i++) {
            struct ngram_state states[2] = {{0}, {0}};
            for (size_t j = 0; j < 2; j++)
                for (const char *word = same[i][j]; *word; word += strspn(word, " ")) {
                    size_t n = strcspn(word, " ");
                    ngram_score(c.lm, states[j], ngram_find(c.lm, word, n), &states[j]);
                    word += n;
                }
            ck_assert_msg(states[0].node == states[1].node, "%s", same[i][1]);
            ck_assert_uint_ne(states[0].node, 0);
        }
        compiled_free(&c);
    }
END_TEST

START_TEST(different_contexts_are_different_states)
    {
        struct compiled c = compile(TINY_ARPA, 32);
        struct ngram_state after_a, after_start_a;
        ngram_score(c.lm, (struct ngram_state){0}, word_of(c.lm, "a"), &after_a);
        ngram_score(c.lm, ngram_start(c.lm), word_of(c.lm, "a"), &after_start_a);
        ck_assert_uint_ne(after_a.node, after_start_a.node);
        ck_assert_uint_ne(after_a.node, ngram_start(c.lm).node);
        compiled_free(&c);
    }
END_TEST

START_TEST(scoring_into_the_same_state_or_none_changes_nothing)
    {
        struct compiled c = compile(TINY_ARPA, 32);
        struct ngram_state in = ngram_start(c.lm), out;
        uint32_t a = word_of(c.lm, "a");
        struct ngram_score apart = ngram_score(c.lm, in, a, &out);
        struct ngram_score none = ngram_score(c.lm, in, a, NULL);
        struct ngram_score in_place = ngram_score(c.lm, in, a, &in);
        ck_assert_float_eq(apart.log10_probability, -0.3f);
        ck_assert_float_eq(none.log10_probability, -0.3f);
        ck_assert_float_eq(in_place.log10_probability, -0.3f);
        ck_assert_uint_eq(in.node, out.node);
        compiled_free(&c);
    }
END_TEST

START_TEST(a_missing_unk_costs_what_was_chosen_and_ends_the_context)
    {
        static const char arpa[] =
            "\\data\\\nngram 1=3\nngram 2=1\n\\1-grams:\n-99 <s> -0.5\n-1 </s>\n"
            "-1 a -0.25\n\\2-grams:\n-0.3 <s> a\n\\end\\\n";
        struct compiled c = compile(arpa, 32);
        struct ngram_state state;
        struct ngram_info info;
        ngram_info(c.lm, &info);
        ck_assert_int_eq(info.unk_given, 0);
        uint32_t word = word_of(c.lm, "nowhere");
        ck_assert_uint_eq(word, ngram_unk(c.lm));
        /* KenLM's default for a missing <unk>: -100, after the back-off weight of <s>. */
        struct ngram_score score = ngram_score(c.lm, ngram_start(c.lm), word, &state);
        ck_assert_float_eq_tol(score.log10_probability, -100.5f, 1e-4f);
        ck_assert_uint_eq(score.matched, 1);
        ck_assert_uint_eq(state.node, 0);
        compiled_free(&c);
    }
END_TEST

START_TEST(an_ngram_is_found_though_its_context_is_missing)
    {
        /* "a b a" is there, "a b" is not: KenLM refuses such a file; by the definition of back-off
         * P(b|a) = bow(a) P(b), and the context "a b" has weight 1. */
        static const char arpa[] =
            "\\data\\\nngram 1=4\nngram 2=1\nngram 3=1\n\\1-grams:\n-99 <s> -0.5\n-1 </s>\n"
            "-0.75 a -0.25\n-1.5 b -0.125\n\\2-grams:\n-0.6 b </s>\n\\3-grams:\n-0.05 a b "
            "a\n\\end\\\n";
        struct compiled c = compile(arpa, _i ? 8 : 32);
        struct ngram_state after_a, after_ab, state;
        struct ngram_info info;
        uint32_t a = word_of(c.lm, "a"), b = word_of(c.lm, "b");
        ngram_info(c.lm, &info);
        ck_assert_uint_eq(info.contexts_added, 1);

        ngram_score(c.lm, (struct ngram_state){0}, a, &after_a);
        struct ngram_score score = ngram_score(c.lm, after_a, b, &after_ab);
        ck_assert_uint_eq(score.matched, 1);
        ck_assert_float_eq_tol(score.log10_probability, -0.25f - 1.5f, 1e-6f);
        score = ngram_score(c.lm, after_ab, a, &state);
        ck_assert_uint_eq(score.matched, 3);
        ck_assert_float_eq_tol(score.log10_probability, -0.05f, 1e-6f);
        score = ngram_score(c.lm, after_ab, ngram_eos(c.lm), &state);
        ck_assert_uint_eq(score.matched, 2);
        ck_assert_float_eq_tol(score.log10_probability, -0.6f, 1e-6f);
        score = ngram_score(c.lm, after_ab, b, &state);
        ck_assert_uint_eq(score.matched, 1);
        ck_assert_float_eq_tol(score.log10_probability, -0.125f - 1.5f, 1e-6f);
        compiled_free(&c);
    }
END_TEST

START_TEST(unigrams_alone_are_a_model)
    {
        struct compiled c = compile("\\data\\\nngram 1=3\n\\1-grams:\n-99 <s>\n-1 </s>\n-0.25 a\n"
                                    "\\end\\\n",
                                    32);
        struct ngram_state state = ngram_start(c.lm);
        ck_assert_uint_eq(ngram_order(c.lm), 1);
        struct ngram_score score = ngram_score(c.lm, state, word_of(c.lm, "a"), &state);
        ck_assert_float_eq(score.log10_probability, -0.25f);
        ck_assert_uint_eq(state.node, 0);
        ck_assert_float_eq(ngram_unigram(c.lm, word_of(c.lm, "a")), -0.25f);
        compiled_free(&c);
    }
END_TEST

START_TEST(order_six_is_reached_and_kept)
    {
        static const char arpa[] =
            "\\data\\\nngram 1=3\nngram 2=2\nngram 3=2\nngram 4=2\nngram 5=2\nngram 6=2\n"
            "\\1-grams:\n-99 <s> -1\n-1 </s>\n-2 a -0.5\n\\2-grams:\n-0.9 <s> a -0.4\n-0.8 a a "
            "-0.3\n"
            "\\3-grams:\n-0.7 <s> a a -0.25\n-0.6 a a a -0.2\n"
            "\\4-grams:\n-0.5 <s> a a a -0.15\n-0.45 a a a a -0.1\n"
            "\\5-grams:\n-0.4 <s> a a a a -0.05\n-0.35 a a a a a -0.01\n"
            "\\6-grams:\n-0.3 <s> a a a a a\n-0.25 a a a a a a\n\\end\\\n";
        static const float expected[] = {-0.9f, -0.7f, -0.5f, -0.4f, -0.3f, -0.25f, -0.25f};
        struct compiled c = compile(arpa, 32);
        struct ngram_state state = ngram_start(c.lm);
        for (unsigned i = 0; i < COUNT(expected); i++) {
            struct ngram_score score = ngram_score(c.lm, state, word_of(c.lm, "a"), &state);
            ck_assert_float_eq(score.log10_probability, expected[i]);
            ck_assert_uint_eq(score.matched, i + 2 < 6 ? i + 2 : 6);
        }
        /* </s> was never seen after an a: every back-off weight of the way down, then its unigram.
         */
        struct ngram_score score = ngram_score(c.lm, state, ngram_eos(c.lm), &state);
        ck_assert_float_eq_tol(score.log10_probability, -0.01f - 0.1f - 0.2f - 0.3f - 0.5f - 1.0f,
                               1e-6f);
        compiled_free(&c);
    }
END_TEST

START_TEST(every_word_is_found_by_its_text_and_they_are_in_order)
    {
        struct compiled c = compile_file("tests/data/ngram/en-subset.arpa.gz", 8);
        for (uint32_t word = 0; word < ngram_words(c.lm); word++) {
            size_t n_bytes;
            const char *text = ngram_text(c.lm, word, &n_bytes);
            ck_assert_uint_eq(n_bytes, strlen(text));
            ck_assert_uint_eq(ngram_find(c.lm, text, n_bytes), word);
            if (word > 0)
                ck_assert_int_lt(strcmp(ngram_text(c.lm, word - 1, NULL), text), 0);
            ck_assert_uint_eq(ngram_score(c.lm, (struct ngram_state){0}, word, NULL).matched, 1);
            ck_assert_float_eq(
                ngram_score(c.lm, (struct ngram_state){0}, word, NULL).log10_probability,
                ngram_unigram(c.lm, word));
        }
        ck_assert_str_eq(ngram_text(c.lm, ngram_bos(c.lm), NULL), "<s>");
        ck_assert_str_eq(ngram_text(c.lm, ngram_eos(c.lm), NULL), "</s>");
        ck_assert_str_eq(ngram_text(c.lm, ngram_unk(c.lm), NULL), "<unk>");
        compiled_free(&c);
    }
END_TEST

START_TEST(what_is_not_a_word_is_unk)
    {
        struct compiled c = compile(TINY_ARPA, 8);
        static const char *const absent[] = {"", "A", "aa", "ab", "c", "<", "\xff\xff"};
        for (size_t i = 0; i < COUNT(absent); i++)
            ck_assert_uint_eq(word_of(c.lm, absent[i]), ngram_unk(c.lm));
        ck_assert_uint_eq(ngram_find(c.lm, "ab", 1), word_of(c.lm, "a"));
        compiled_free(&c);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ngram");
    TCase *t = tcase_create("queries");
    tcase_add_loop_test(t, unquantised_scores_are_the_witnesses, 0, COUNT(goldens));
    tcase_add_test(t, sixteen_bits_lose_nothing_of_three_decimals);
    tcase_add_test(t, eight_bits_move_perplexity_by_less_than_half_a_percent);
    tcase_add_test(t, the_shipped_model_scores_as_kenlm_does_on_its_arpa_file);
    tcase_add_test(t, only_the_longest_known_context_is_remembered);
    tcase_add_test(t, different_contexts_are_different_states);
    tcase_add_test(t, scoring_into_the_same_state_or_none_changes_nothing);
    tcase_add_test(t, a_missing_unk_costs_what_was_chosen_and_ends_the_context);
    tcase_add_loop_test(t, an_ngram_is_found_though_its_context_is_missing, 0, 2);
    tcase_add_test(t, unigrams_alone_are_a_model);
    tcase_add_test(t, order_six_is_reached_and_kept);
    tcase_add_test(t, every_word_is_found_by_its_text_and_they_are_in_order);
    tcase_add_test(t, what_is_not_a_word_is_unk);
    suite_add_tcase(s, t);
    return s;
}
