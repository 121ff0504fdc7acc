/* Cases made by hand, and random calls whose talk, overlap and silence a look at every millisecond
 * counts. */
#include "model/conversation.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

enum { MAX_SEGMENTS = 8, CHANNELS = 3 };

/* A transcript with a segment of one word at each of these places. */
struct channel {
    struct transcript transcript;
    struct word words[MAX_SEGMENTS];
    struct segment segments[MAX_SEGMENTS];
};

static void say(struct channel *c, const char *text, double start, double end)
{
    size_t i = c->transcript.n_words;
    ck_assert_uint_lt(i, MAX_SEGMENTS);
    c->words[i] = (struct word){.text = text, .start_seconds = start, .end_seconds = end};
    c->segments[i] = (struct segment){
        .text = text, .start_seconds = start, .end_seconds = end, .first_word = i, .n_words = 1};
    c->transcript.words = c->words;
    c->transcript.segments = c->segments;
    c->transcript.n_words = c->transcript.n_segments = i + 1;
}

static struct conversation *merge(const struct channel *channels, size_t n)
{
    const struct transcript *transcripts[CHANNELS];
    struct conversation *c;
    for (size_t i = 0; i < n; i++)
        transcripts[i] = &channels[i].transcript;
    ck_assert_int_eq(conversation_new(&c, transcripts, n, NULL), ASR_OK);
    return c;
}

START_TEST(words_are_in_order_of_time_and_know_their_channel)
    {
        struct channel call[2] = {{.transcript.duration_seconds = 10},
                                  {.transcript.duration_seconds = 9.5}};
        say(&call[0], "hello", 1, 1.5);
        say(&call[0], "who", 3, 3.5);
        say(&call[0], "me", 5, 6);
        say(&call[1], "good", 2, 2.5);
        say(&call[1], "day", 2.6, 2.9);
        say(&call[1], "i", 5, 5.5);
        struct conversation *c = merge(call, 2);
        static const char *const order[] = {"hello", "good", "day", "who", "me", "i"};
        static const size_t channels[] = {0, 1, 1, 0, 0, 1};
        ck_assert_uint_eq(c->n_words, 6);
        ck_assert_uint_eq(c->n_segments, 6);
        for (size_t i = 0; i < 6; i++) {
            ck_assert_str_eq(c->words[i].word->text, order[i]);
            ck_assert_uint_eq(c->words[i].channel, channels[i]);
            ck_assert_str_eq(c->segments[i].segment->text, order[i]);
            ck_assert_uint_eq(c->segments[i].channel, channels[i]);
        }
        ck_assert_uint_eq(conversation_turn(c, 0), 1);
        ck_assert_uint_eq(conversation_turn(c, 1), 2);
        ck_assert_uint_eq(conversation_turn(c, 3), 2);
        ck_assert_uint_eq(conversation_turn(c, 5), 1);
        ck_assert_double_eq_tol(c->duration_seconds, 10, 1e-12);
        ck_assert_double_eq_tol(c->parties[0].talk_seconds, 2, 1e-12);
        ck_assert_double_eq_tol(c->parties[1].talk_seconds, 1.3, 1e-12);
        ck_assert_double_eq_tol(c->overlap_seconds, 0.5, 1e-12);
        ck_assert_double_eq_tol(c->silence_seconds, 7.2, 1e-12);
        conversation_free(c);
    }
END_TEST

START_TEST(who_starts_as_another_stops_does_not_overlap)
    {
        struct channel call[2] = {{.transcript.duration_seconds = 4},
                                  {.transcript.duration_seconds = 4}};
        say(&call[0], "a", 0, 2);
        say(&call[1], "b", 2, 4);
        struct conversation *c = merge(call, 2);
        ck_assert_double_eq(c->overlap_seconds, 0);
        ck_assert_double_eq(c->silence_seconds, 0);
        conversation_free(c);
    }
END_TEST

START_TEST(nobody_says_anything)
    {
        struct channel call[2] = {{.transcript.duration_seconds = 7},
                                  {.transcript.duration_seconds = 7}};
        struct conversation *c = merge(call, 2);
        ck_assert_uint_eq(c->n_words, 0);
        ck_assert_double_eq(c->silence_seconds, 7);
        ck_assert_double_eq(c->parties[1].talk_seconds, 0);
        conversation_free(c);
    }
END_TEST

/* All on whole milliseconds. */
START_TEST(random_calls_add_up_as_every_millisecond_does)
    {
        enum { MS = 5000 };
        srand((unsigned)_i);
        struct channel call[CHANNELS];
        bool talks[CHANNELS][MS] = {{false}};
        memset(call, 0, sizeof(call));
        for (size_t p = 0; p < CHANNELS; p++) {
            int at = 0;
            call[p].transcript.duration_seconds = MS / 1e3;
            for (int s = 0; s < MAX_SEGMENTS; s++) {
                int start = at + rand() % 300, end = start + 1 + rand() % 300;
                say(&call[p], "x", start / 1e3, end / 1e3);
                memset(&talks[p][start], true, (size_t)(end - start));
                at = end;
            }
        }
        struct conversation *c = merge(call, CHANNELS);
        int talk[CHANNELS] = {0}, overlap = 0, silence = 0;
        for (size_t ms = 0; ms < MS; ms++) {
            int n = 0;
            for (size_t p = 0; p < CHANNELS; p++) {
                talk[p] += talks[p][ms];
                n += talks[p][ms];
            }
            overlap += n > 1;
            silence += n == 0;
        }
        for (size_t p = 0; p < CHANNELS; p++)
            ck_assert_double_eq_tol(c->parties[p].talk_seconds, talk[p] / 1e3, 1e-9);
        ck_assert_double_eq_tol(c->overlap_seconds, overlap / 1e3, 1e-9);
        ck_assert_double_eq_tol(c->silence_seconds, silence / 1e3, 1e-9);
        conversation_free(c);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct channel call = {.transcript.duration_seconds = 1};
        const struct transcript *transcripts[] = {&call.transcript, &call.transcript};
        struct conversation *c;
        enum asr_status st;
        long nth = 0;
        do {
            fail_alloc(nth++);
            st = conversation_new(&c, transcripts, 2, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (c != NULL));
            conversation_free(c);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, 6);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("conversation");
    TCase *c = tcase_create("conversation");
    tcase_add_test(c, words_are_in_order_of_time_and_know_their_channel);
    tcase_add_test(c, who_starts_as_another_stops_does_not_overlap);
    tcase_add_test(c, nobody_says_anything);
    tcase_add_loop_test(c, random_calls_add_up_as_every_millisecond_does, 0, 20);
    tcase_add_test(c, every_allocation_may_fail);
    suite_add_tcase(s, c);
    return s;
}
