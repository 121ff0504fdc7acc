/* The witness of speech is the independent program of tests/data/golden/: its logits. */
#include <math.h>
#include <stdlib.h>

#include "model/log_softmax.h"
#include "model/speechlike.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

enum { TOKENS = 29, BLANK = 0, FRAMES = 400 };
static const double FRAME_SECONDS = 0.03;

START_TEST(recordings_of_speech_are_speech)
    {
        static const char *const paths[] = {
            "tests/data/golden/read16k.61-70968-0025.flac.logits.npy",
            "tests/data/golden/read16k.4077-13751-0001.flac.logits.npy",
            "tests/data/golden/phone8k.61-70968-0025.wav.logits.npy"};
        struct npy p = npy_read(paths[_i]);
        double seconds = fmax((double)p.rows * FRAME_SECONDS, 5); /* two have 4.4 */

        ck_assert_uint_eq(p.cols, TOKENS);
        log_softmax(p.values, p.rows, TOKENS);
        ck_assert(speechlike(p.values, p.rows, TOKENS, BLANK, FRAME_SECONDS, seconds));
        free(p.values);
    }
END_TEST

/* In one frame of `period`, letters get 0.9, of which the best gets `certainty` and another the
 * rest. */
static bool judge(size_t period, double certainty, double speech_seconds)
{
    static float p[FRAMES * TOKENS];

    for (size_t t = 0; t < FRAMES; t++) {
        double letters = t % period == 0 ? 0.9 : 1e-6;
        for (size_t k = 0; k < TOKENS; k++)
            p[t * TOKENS + k] = -30;
        p[t * TOKENS + BLANK] = (float)log(1 - letters);
        p[t * TOKENS + 5] = (float)log(letters * certainty);
        p[t * TOKENS + 6] = (float)log(letters * (1 - certainty));
    }
    return speechlike(p, FRAMES, TOKENS, BLANK, FRAME_SECONDS, speech_seconds);
}

START_TEST(few_letters_and_uncertain_ones_are_not_speech)
    {
        ck_assert(!judge(10, 0.6, FRAMES * FRAME_SECONDS));
    }
END_TEST

START_TEST(speech_that_is_hard_to_recognize_is_speech)
    {
        ck_assert(judge(3, 0.6, FRAMES * FRAME_SECONDS));
    }
END_TEST

START_TEST(a_few_clear_words_are_speech)
    {
        ck_assert(judge(10, 0.9, FRAMES * FRAME_SECONDS));
    }
END_TEST

START_TEST(words_are_looked_for_only_where_there_is_a_voice)
    {
        ck_assert(judge(10, 0.6, 0.3 * FRAMES * FRAME_SECONDS)); /* 5 s in 12 */
    }
END_TEST

START_TEST(what_is_short_cannot_be_told)
    {
        ck_assert(judge(100, 0.6, 4.9));
        ck_assert(!judge(100, 0.6, 5.1));
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("speechlike");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, recordings_of_speech_are_speech, 0, 3);
    tcase_add_test(tc, few_letters_and_uncertain_ones_are_not_speech);
    tcase_add_test(tc, speech_that_is_hard_to_recognize_is_speech);
    tcase_add_test(tc, a_few_clear_words_are_speech);
    tcase_add_test(tc, words_are_looked_for_only_where_there_is_a_voice);
    tcase_add_test(tc, what_is_short_cannot_be_told);
    suite_add_tcase(s, tc);
    return s;
}
