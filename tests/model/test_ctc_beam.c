/* The witnesses: a walk over every path there is (every_path.h), the exact sums
 * and texts in tests/data/parlance, and ctc_align, which PyTorch vouches for. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/ctc_align.h"
#include "model/ctc_beam.h"
#include "tests/model/every_path.h"
#include "tests/model/parlance.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const struct ctc_beam_config everything = {
    .beam_width = CTC_BEAM_MAX_WIDTH,
    .min_log_posterior = -INFINITY,
    .score_margin = INFINITY,
};

static struct ctc_beam *beam_new(size_t n_tokens, size_t blank,
                                 const struct ctc_beam_config *config)
{
    struct ctc_beam *beam;
    ck_assert_int_eq(ctc_beam_new(&beam, n_tokens, blank, config, NULL), ASR_OK);
    return beam;
}

/* The runs of frames of a path. */
static void check_runs(const struct hypothesis *h, const uint32_t *path, const float *posteriors)
{
    size_t n = 0;
    for (uint32_t t = 0; t < FRAMES;) {
        uint32_t first = t;
        float peak = -INFINITY;
        for (; t < FRAMES && path[t] == path[first]; t++)
            peak = fmaxf(peak, posteriors[t * TOKENS + path[t]]);
        if (path[first] == BLANK)
            continue;
        ck_assert_uint_eq(h->tokens[n].first_frame, first);
        ck_assert_uint_eq(h->tokens[n].last_frame, t - 1);
        ck_assert_float_eq(h->tokens[n].log_posterior, peak);
        n++;
    }
    ck_assert_uint_eq(n, h->n_tokens);
}

START_TEST(a_wide_beam_finds_what_a_walk_over_every_path_finds)
    {
        enum { N_BEST = 12 };
        static struct answer answers[STRINGS];
        float posteriors[FRAMES * TOKENS];
        struct hypothesis found[N_BEST] = {0};
        size_t n_found;

        srand(100 + (unsigned)_i);
        random_posteriors(posteriors, FRAMES, TOKENS);
        walk_every_path(posteriors, answers);
        struct ctc_beam *beam = beam_new(TOKENS, BLANK, &everything);
        ck_assert_int_eq(ctc_beam_step(beam, posteriors, FRAMES, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, found, N_BEST, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, N_BEST);
        for (size_t i = 0; i < N_BEST; i++) {
            ck_assert_double_eq_tol(found[i].log_probability, log(answers[i].probability), 1e-9);
            ck_assert_uint_eq(found[i].n_tokens, answers[i].n_labels);
            for (size_t k = 0; k < found[i].n_tokens; k++)
                ck_assert_uint_eq(found[i].tokens[k].token, answers[i].labels[k]);
            check_runs(&found[i], answers[i].path, posteriors);
            hypothesis_free(&found[i]);
        }
        ctc_beam_free(beam);
    }
END_TEST

/* ---- published cases --------------------------------------------------------------------------
 */

START_TEST(matches_the_exact_sums_of_the_published_case)
    {
        enum { N_BEST = 20 };
        struct parlance p = parlance_read(_i == 0 ? "probs_seq1" : "probs_seq2");
        json_t *exact = json_load_file("tests/data/parlance/exact_bruteforce.json", 0, NULL);
        const json_t *top =
            json_object_get(json_object_get(exact, "exact_top20"), _i == 0 ? "seq1" : "seq2");
        struct hypothesis found[N_BEST] = {0};
        size_t n_found;
        char text[64];

        ck_assert_uint_eq(json_array_size(top), N_BEST);
        struct ctc_beam *beam = beam_new(p.n_tokens, p.blank, &everything);
        ck_assert_int_eq(ctc_beam_step(beam, p.log_posteriors, p.frames, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, found, N_BEST, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, N_BEST);
        for (size_t i = 0; i < N_BEST; i++) {
            const json_t *want = json_array_get(top, i);
            parlance_text(&p, &found[i], text, sizeof(text));
            ck_assert_str_eq(text, json_string_value(json_array_get(want, 0)));
            ck_assert_double_eq_tol(exp(found[i].log_probability),
                                    json_real_value(json_array_get(want, 1)), 1e-6);
            hypothesis_free(&found[i]);
        }
        ctc_beam_free(beam);
        json_decref(exact);
        parlance_free(&p);
    }
END_TEST

/* The published text of the first sequence, "acdc", is what a beam of 20 finds and not the best
 * one: that is "acb", as the test above has it. */
START_TEST(gives_the_published_text_at_the_published_width)
    {
        static const char *const sequences[] = {"probs_seq1", "probs_seq2"};
        struct parlance p = parlance_read(sequences[_i]);
        struct ctc_beam_config config = everything;
        struct hypothesis h = {0};
        size_t n_found;
        char text[64];

        config.beam_width = (size_t)json_integer_value(json_object_get(p.document, "beam_width"));
        struct ctc_beam *beam = beam_new(p.n_tokens, p.blank, &config);
        ck_assert_int_eq(ctc_beam_step(beam, p.log_posteriors, 2, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_step(beam, p.log_posteriors + 2 * p.n_tokens, p.frames - 2, NULL),
                         ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        parlance_text(&p, &h, text, sizeof(text));
        ck_assert_str_eq(text,
                         parlance_published(&p, _i == 0 ? "beam_seq1_no_lm" : "beam_seq2_no_lm"));
        hypothesis_free(&h);
        ctc_beam_free(beam);
        parlance_free(&p);
    }
END_TEST

/* ---- real posteriors --------------------------------------------------------------------------
 */

static struct npy recording_posteriors(void)
{
    struct npy p = npy_read("tests/data/golden/read16k.4077-13751-0001.flac.logits.npy");
    for (size_t t = 0; t < p.rows; t++) {
        float *row = p.values + t * p.cols;
        double sum = 0.0;
        for (size_t k = 0; k < p.cols; k++)
            sum += exp((double)row[k]);
        for (size_t k = 0; k < p.cols; k++)
            row[k] -= (float)log(sum);
    }
    return p;
}

static void check_equal(const struct hypothesis *a, const struct hypothesis *b)
{
    ck_assert_uint_eq(a->n_tokens, b->n_tokens);
    ck_assert(a->log_probability == b->log_probability);
    for (size_t i = 0; i < a->n_tokens; i++)
        ck_assert_mem_eq(&a->tokens[i], &b->tokens[i], sizeof(a->tokens[i]));
}

START_TEST(a_stream_cut_in_pieces_gives_the_whole)
    {
        static const size_t pieces[] = {1, 3, 7, 49};
        struct npy p = recording_posteriors();
        struct hypothesis whole = {0}, cut = {0};
        size_t n_found;

        struct ctc_beam *beam = beam_new(p.cols, 0, &ctc_beam_defaults);
        ck_assert_int_eq(ctc_beam_step(beam, p.values, p.rows, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &whole, 1, &n_found, NULL), ASR_OK);
        ctc_beam_start(beam); /* the same beam again: nothing of the first stream is left */
        for (size_t t = 0; t < p.rows; t += pieces[_i]) {
            size_t n = p.rows - t < pieces[_i] ? p.rows - t : pieces[_i];
            ck_assert_int_eq(ctc_beam_step(beam, p.values + t * p.cols, n, NULL), ASR_OK);
            ck_assert_int_eq(ctc_beam_finish(beam, &cut, 1, &n_found, NULL), ASR_OK);
        }
        ck_assert_uint_gt(whole.n_tokens, 50);
        check_equal(&whole, &cut);
        hypothesis_free(&whole);
        hypothesis_free(&cut);
        ctc_beam_free(beam);
        free(p.values);
    }
END_TEST

/* The sum and the best path that the search keeps along the way are those that the labels have when
 * they are known, but for what was pruned. */
START_TEST(the_winner_scores_and_lies_where_its_alignment_says)
    {
        struct npy p = recording_posteriors();
        struct hypothesis found = {0}, aligned = {0};
        struct ctc_beam_config config = everything;
        size_t n_found;
        double total;

        config.beam_width = 1024;
        struct ctc_beam *beam = beam_new(p.cols, 0, &config);
        ck_assert_int_eq(ctc_beam_step(beam, p.values, p.rows, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &found, 1, &n_found, NULL), ASR_OK);
        uint32_t labels[512];
        ck_assert_uint_lt(found.n_tokens, COUNT(labels));
        for (size_t i = 0; i < found.n_tokens; i++)
            labels[i] = found.tokens[i].token;
        struct ctc_problem problem = {p.values, p.rows, p.cols, 0, labels, found.n_tokens};
        ck_assert_int_eq(ctc_total_log_probability(&problem, &total, NULL), ASR_OK);
        ck_assert_double_le(found.log_probability, total);
        ck_assert_double_ge(found.log_probability, total - 0.1);
        ck_assert_int_eq(ctc_align(&problem, 1 << 20, &aligned, NULL), ASR_OK);
        for (size_t i = 0; i < found.n_tokens; i++) {
            ck_assert_uint_eq(found.tokens[i].first_frame, aligned.tokens[i].first_frame);
            ck_assert_uint_eq(found.tokens[i].last_frame, aligned.tokens[i].last_frame);
            ck_assert_float_eq(found.tokens[i].log_posterior, aligned.tokens[i].log_posterior);
        }
        hypothesis_free(&found);
        hypothesis_free(&aligned);
        ctc_beam_free(beam);
        free(p.values);
    }
END_TEST

/* Many prefixes are born and die while the text stays empty. */
START_TEST(memory_follows_what_is_alive_and_not_the_length_of_the_stream)
    {
        enum { WARM_UP = 200, ROUNDS = 200, N = 8 };
        struct ctc_beam_config config = ctc_beam_defaults;
        float *noise = malloc(WARM_UP * N * sizeof(*noise));
        struct hypothesis h = {0};
        size_t n_found;

        ck_assert_ptr_nonnull(noise);
        srand(5);
        random_posteriors(noise, WARM_UP, N);
        for (size_t t = 0; t < WARM_UP; t++)
            noise[t * N] =
                12.0f; /* so likely a blank that even all frames together make no label */
        config.beam_width = 40;
        struct ctc_beam *beam = beam_new(N, 0, &config);
        ck_assert_int_eq(ctc_beam_step(beam, noise, WARM_UP, NULL), ASR_OK);
        enum asr_status st = ASR_OK;
        fail_alloc(0);
        for (size_t round = 0; round < ROUNDS && st == ASR_OK; round++)
            st = ctc_beam_step(beam, noise, WARM_UP, NULL);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(h.n_tokens, 0);
        hypothesis_free(&h);
        ctc_beam_free(beam);
        free(noise);
    }
END_TEST

/* Labels that are kept for good, and collections of what is not in between. */
START_TEST(a_long_text_survives_collections)
    {
        enum { LABELS = 30000, N = 5 };
        struct ctc_beam *beam = beam_new(N, 0, &ctc_beam_defaults);
        struct hypothesis h = {0};
        size_t n_found;
        float frames[2 * N];

        for (size_t i = 0; i < LABELS; i++) {
            for (size_t k = 0; k < COUNT(frames); k++)
                frames[k] = -4.0f - (float)(k % 3);
            frames[1 + i % 4] = -0.1f;
            frames[N] = -0.1f;
            ck_assert_int_eq(ctc_beam_step(beam, frames, 2, NULL), ASR_OK);
        }
        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(h.n_tokens, LABELS);
        for (size_t i = 0; i < LABELS; i++) {
            ck_assert_uint_eq(h.tokens[i].token, 1 + i % 4);
            ck_assert_uint_eq(h.tokens[i].first_frame, 2 * i);
        }
        hypothesis_free(&h);
        ctc_beam_free(beam);
    }
END_TEST

/* ---- pruning ----------------------------------------------------------------------------------
 */

static size_t entries_after(const struct ctc_beam_config *config, const float *rows, size_t n)
{
    enum { MANY = 64 };
    struct hypothesis found[MANY] = {0};
    size_t n_found;
    struct ctc_beam *beam = beam_new(4, 0, config);

    ck_assert_int_eq(ctc_beam_step(beam, rows, n, NULL), ASR_OK);
    ck_assert_int_eq(ctc_beam_finish(beam, found, MANY, &n_found, NULL), ASR_OK);
    for (size_t i = 0; i < n_found; i++)
        hypothesis_free(&found[i]);
    ctc_beam_free(beam);
    return n_found;
}

START_TEST(each_way_of_pruning_prunes)
    {
        static const float row[] = {-1.0f, -1.5f, -2.5f, -4.0f};
        static const float no_token[] = {-0.0001f, -9.5f, -10.0f, -11.0f};
        struct ctc_beam_config config = everything;

        ck_assert_uint_eq(entries_after(&config, row, 1), 4);
        config.max_tokens = 2;
        ck_assert_uint_eq(entries_after(&config, row, 1), 3);
        config = everything;
        config.min_log_posterior = -3.0f;
        ck_assert_uint_eq(entries_after(&config, row, 1), 3);
        ck_assert_uint_eq(entries_after(&config, no_token, 1), 2); /* the best is tried always */
        config = everything;
        config.score_margin = 1.0f;
        ck_assert_uint_eq(entries_after(&config, row, 1), 2);
        config = everything;
        config.beam_width = 3;
        ck_assert_uint_eq(entries_after(&config, row, 1), 3);
    }
END_TEST

START_TEST(ties_go_to_the_prefix_that_came_first)
    {
        static const float row[] = {-1.5f, -1.5f, -1.5f, -1.5f};
        struct ctc_beam_config config = everything;
        struct hypothesis found[2] = {0};
        size_t n_found;

        config.beam_width = 2;
        struct ctc_beam *beam = beam_new(4, 3, &config);
        ck_assert_int_eq(ctc_beam_step(beam, row, 1, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, found, 2, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, 2);
        ck_assert_uint_eq(found[0].n_tokens, 0);
        ck_assert_uint_eq(found[1].n_tokens, 1);
        ck_assert_uint_eq(found[1].tokens[0].token, 0);
        hypothesis_free(&found[1]);
        ctc_beam_free(beam);
    }
END_TEST

START_TEST(values_that_are_no_probabilities_do_no_harm)
    {
        static const float rows[3][4] = {{NAN, NAN, NAN, NAN},
                                         {-0.1f, -5.0f, INFINITY, -INFINITY},
                                         {-INFINITY, -INFINITY, -INFINITY, -INFINITY}};
        struct ctc_beam *beam = beam_new(4, 0, &everything);
        struct hypothesis h = {0};
        size_t n_found;

        ck_assert_int_eq(ctc_beam_step(beam, rows[1], 1, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_step(beam, rows[0], 3, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_step(beam, rows[1], 1, NULL), ASR_OK);
        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, 1);
        ck_assert(isinf(h.log_probability) && h.log_probability < 0);
        hypothesis_free(&h);
        ctc_beam_free(beam);
    }
END_TEST

START_TEST(no_frames_give_the_empty_text)
    {
        struct ctc_beam *beam = beam_new(4, 0, &ctc_beam_defaults);
        struct hypothesis h = {0};
        size_t n_found;

        ck_assert_int_eq(ctc_beam_finish(beam, &h, 1, &n_found, NULL), ASR_OK);
        ck_assert_uint_eq(n_found, 1);
        ck_assert_uint_eq(h.n_tokens, 0);
        ck_assert_double_eq(h.log_probability, 0.0);
        ctc_beam_free(beam);
    }
END_TEST

START_TEST(settings_that_make_no_sense_are_refused_by_name)
    {
        static const struct {
            struct ctc_beam_config config;
            const char *name;
        } bad[] = {
            {{.beam_width = 0, .score_margin = 1.0f}, "beam width 0"},
            {{.beam_width = CTC_BEAM_MAX_WIDTH + 1, .score_margin = 1.0f}, "beam width 4097"},
            {{.beam_width = 8, .score_margin = 0.0f}, "score margin 0"},
            {{.beam_width = 8, .score_margin = NAN}, "score margin nan"},
            {{.beam_width = 8, .score_margin = 1.0f, .min_log_posterior = 1.0f}, "log-posterior 1"},
        };
        struct ctc_beam *beam;
        struct asr_error err;

        ck_assert_int_eq(ctc_beam_new(&beam, 4, 0, &bad[_i].config, &err), ASR_ERR_INVALID);
        ck_assert_ptr_null(beam);
        ck_assert_ptr_nonnull(strstr(err.text, bad[_i].name));
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        static const float row[] = {-1.5f, -1.5f, -1.5f, -1.5f};
        enum asr_status st;
        long nth = 0;

        do {
            struct ctc_beam *beam;
            struct hypothesis h = {0};
            size_t n_found;
            fail_alloc(nth++);
            st = ctc_beam_new(&beam, 4, 3, &ctc_beam_defaults, NULL);
            bool made = beam != NULL, fine = st == ASR_OK;
            for (size_t t = 0; t < 3 && st == ASR_OK; t++)
                st = ctc_beam_step(beam, row, 1, NULL);
            if (st == ASR_OK)
                st = ctc_beam_finish(beam, &h, 1, &n_found, NULL);
            fail_alloc(-1);
            ck_assert(made == fine);
            hypothesis_free(&h);
            ctc_beam_free(beam);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 14); /* the beam and its arrays, both pools, the answer */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ctc_beam");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, a_wide_beam_finds_what_a_walk_over_every_path_finds, 0, 30);
    tcase_add_loop_test(tc, matches_the_exact_sums_of_the_published_case, 0, 2);
    tcase_add_loop_test(tc, gives_the_published_text_at_the_published_width, 0, 2);
    tcase_add_loop_test(tc, a_stream_cut_in_pieces_gives_the_whole, 0, 4);
    tcase_add_test(tc, the_winner_scores_and_lies_where_its_alignment_says);
    tcase_add_test(tc, memory_follows_what_is_alive_and_not_the_length_of_the_stream);
    tcase_add_test(tc, a_long_text_survives_collections);
    tcase_add_test(tc, each_way_of_pruning_prunes);
    tcase_add_test(tc, ties_go_to_the_prefix_that_came_first);
    tcase_add_test(tc, values_that_are_no_probabilities_do_no_harm);
    tcase_add_test(tc, no_frames_give_the_empty_text);
    tcase_add_loop_test(tc, settings_that_make_no_sense_are_refused_by_name, 0, 5);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
