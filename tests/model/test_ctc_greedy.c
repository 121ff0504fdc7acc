/* The witnesses: the best-path texts of an independent NumPy program (tests/data/golden), and the
 * texts published in parlance/ctcdecode's own tests. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/ctc_greedy.h"
#include "tests/model/parlance.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const char *const recordings[] = {
    "tests/data/golden/read16k.4077-13751-0001.flac",
    "tests/data/golden/read16k.61-70968-0025.flac",
    "tests/data/golden/phone8k.61-70968-0025.wav",
};

START_TEST(gives_the_text_of_the_independent_program)
    {
        static const char letters[] = "_ ABCDEFGHIJKLMNOPQRSTUVWXYZ'";
        char path[256], text[512];
        struct hypothesis h = {0};

        snprintf(path, sizeof(path), "%s.logits.npy", recordings[_i]);
        struct npy logits = npy_read(path);
        snprintf(path, sizeof(path), "%s.txt", recordings[_i]);
        char *golden = file_read(path, NULL);
        golden[strcspn(golden, "\n")] = '\0';
        ck_assert_uint_eq(logits.cols, strlen(letters));
        /* Logits are as good as log-posteriors for the best path. */
        ck_assert_int_eq(ctc_greedy(logits.values, logits.rows, logits.cols, 0, &h, NULL), ASR_OK);
        ck_assert_uint_lt(h.n_tokens, sizeof(text));
        for (size_t i = 0; i < h.n_tokens; i++)
            text[i] = letters[h.tokens[i].token];
        text[h.n_tokens] = '\0';
        ck_assert_str_eq(text, golden);
        hypothesis_free(&h);
        free(golden);
        free(logits.values);
    }
END_TEST

START_TEST(gives_the_published_text)
    {
        struct parlance p = parlance_read(_i == 0 ? "probs_seq1" : "probs_seq2");
        struct hypothesis h = {0};
        char text[64];

        ck_assert_int_eq(ctc_greedy(p.log_posteriors, p.frames, p.n_tokens, p.blank, &h, NULL),
                         ASR_OK);
        parlance_text(&p, &h, text, sizeof(text));
        ck_assert_str_eq(text, parlance_published(&p, _i == 0 ? "greedy_seq1" : "greedy_seq2"));
        hypothesis_free(&h);
        parlance_free(&p);
    }
END_TEST

/* Blank is 2. Frames: a a _ a b _ _ */
static const float frames[7][3] = {{-0.1f, -3, -3},   {-0.05f, -3, -3}, {-3, -3, -0.2f},
                                   {-0.3f, -3, -3},   {-3, -0.4f, -3},  {-3, -3, -0.5f},
                                   {-1.0f, -1.0f, -1}};

START_TEST(runs_and_peaks_are_those_of_the_frames)
    {
        static const struct hypothesis_token want[] = {
            {0, 0, 1, -0.05f}, {0, 3, 3, -0.3f}, {1, 4, 4, -0.4f}, {0, 6, 6, -1.0f}};
        struct hypothesis h = {0};

        ck_assert_int_eq(ctc_greedy(frames[0], COUNT(frames), 3, 2, &h, NULL), ASR_OK);
        ck_assert_uint_eq(h.n_tokens, COUNT(want)); /* the tie of the last frame goes to token 0 */
        for (size_t i = 0; i < COUNT(want); i++) {
            ck_assert_uint_eq(h.tokens[i].token, want[i].token);
            ck_assert_uint_eq(h.tokens[i].first_frame, want[i].first_frame);
            ck_assert_uint_eq(h.tokens[i].last_frame, want[i].last_frame);
            ck_assert_float_eq(h.tokens[i].log_posterior, want[i].log_posterior);
        }
        ck_assert_double_eq_tol(h.log_probability, -0.1 - 0.05 - 0.2 - 0.3 - 0.4 - 0.5 - 1.0, 1e-6);
        hypothesis_free(&h);
    }
END_TEST

START_TEST(nothing_gives_nothing)
    {
        struct hypothesis h = {.log_probability = -1.0};

        ck_assert_int_eq(ctc_greedy(NULL, 0, 3, 2, &h, NULL), ASR_OK);
        ck_assert_uint_eq(h.n_tokens, 0);
        ck_assert_double_eq(h.log_probability, 0.0);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct hypothesis h = {0};
            fail_alloc(nth++);
            st = ctc_greedy(frames[0], COUNT(frames), 3, 2, &h, NULL);
            fail_alloc(-1);
            hypothesis_free(&h);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 2);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ctc_greedy");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, gives_the_text_of_the_independent_program, 0, COUNT(recordings));
    tcase_add_loop_test(tc, gives_the_published_text, 0, 2);
    tcase_add_test(tc, runs_and_peaks_are_those_of_the_frames);
    tcase_add_test(tc, nothing_gives_nothing);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
