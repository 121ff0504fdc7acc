/* Streams are put together from recordings at known places; which of their frames are speech is
 * what the independent program of tests/data/golden/ says: those where its logits prefer a letter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/pieces.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/shipped_fbank.h"
#include "tests/support/suite.h"

enum { BINS = 80, TOKENS = 29, STRIDE = 3, MAX_PIECES = 200 };

static const struct pieces_config config = {
    .max_frames = 1000, .context_frames = 99, .max_pause_frames = 50, .stride = STRIDE};

static const char *const recordings[] = {"tests/data/golden/read16k.61-70968-0025.flac",
                                         "tests/data/golden/read16k.4077-13751-0001.flac"};

static struct fbank *fb;
static struct pieces *pieces;

struct stream {
    float *values; /* [n, BINS] */
    bool *letter;  /* [n] */
    size_t n;
};

struct cuts {
    struct piece pieces[MAX_PIECES]; /* without features */
    size_t n;
};

static void set_up(void)
{
    ck_assert_int_eq(fbank_new(&fb, &shipped_fbank, NULL), ASR_OK);
    ck_assert_int_eq(pieces_new(&pieces, fb, &config, NULL), ASR_OK);
}

static void tear_down(void)
{
    pieces_free(pieces);
    fbank_free(fb);
}

static void stream_free(struct stream *s)
{
    free(s->values);
    free(s->letter);
}

static size_t grow(struct stream *s, size_t frames)
{
    size_t begin = s->n;

    s->n += frames;
    s->values = realloc(s->values, (s->n + 1) * BINS * sizeof(float));
    s->letter = realloc(s->letter, s->n + 1);
    ck_assert(s->values && s->letter);
    memset(s->letter + begin, 0, frames);
    return begin;
}

static struct npy read_golden(const char *path, const char *what)
{
    char name[256];
    snprintf(name, sizeof(name), "%s.%s.npy", path, what);
    return npy_read(name);
}

static void add_recording(struct stream *s, const char *path)
{
    struct npy f = read_golden(path, "features"), logits = read_golden(path, "logits");
    size_t begin = grow(s, f.rows);

    memcpy(s->values + begin * BINS, f.values, f.rows * BINS * sizeof(float));
    for (size_t r = 0; r < logits.rows; r++) {
        const float *row = logits.values + r * TOKENS;
        size_t best = 0;
        for (size_t k = 1; k < TOKENS; k++)
            best = row[k] > row[best] ? k : best;
        s->letter[begin + r * STRIDE + 1] = best != 0;
    }
    free(logits.values);
    free(f.values);
}

/* As quiet as the quietest frame of a recording, with a little noise. */
static void add_pause(struct stream *s, size_t frames)
{
    size_t begin = grow(s, frames);
    unsigned seed = 1;

    for (size_t i = begin * BINS; i < s->n * BINS; i++) {
        seed = seed * 1664525U + 1013904223U;
        s->values[i] = 5 + (float)(seed >> 16) / 65536;
    }
}

static struct cuts cut_up(const struct stream *s, size_t step)
{
    struct cuts c = {.n = 0};
    struct piece piece;

    pieces_reset(pieces);
    for (size_t t = 0; t <= s->n; t += step) {
        if (t + step > s->n) {
            ck_assert_int_eq(pieces_push(pieces, s->values + t * BINS, s->n - t, NULL), ASR_OK);
            pieces_finish(pieces);
        } else {
            ck_assert_int_eq(pieces_push(pieces, s->values + t * BINS, step, NULL), ASR_OK);
        }
        while (pieces_next(pieces, &piece)) {
            ck_assert_uint_lt(c.n, MAX_PIECES);
            ck_assert_mem_eq(piece.features, s->values + piece.heard_begin * BINS,
                             (piece.heard_end - piece.heard_begin) * BINS * sizeof(float));
            c.pieces[c.n++] = piece;
        }
    }
    return c;
}

/* What holds whatever the stream. */
static void check_cuts(const struct cuts *c, const struct stream *s)
{
    size_t last_end = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct piece *p = &c->pieces[i];
        ck_assert_uint_ge(p->begin, last_end);
        ck_assert_uint_lt(p->begin, p->end);
        ck_assert_uint_le(p->end, s->n);
        ck_assert_uint_le(p->heard_begin, p->begin);
        ck_assert_uint_ge(p->heard_end, p->end);
        ck_assert_uint_le(p->heard_end - p->heard_begin, config.max_frames);
        ck_assert_uint_eq(p->begin % STRIDE, 0);
        ck_assert_uint_eq(p->heard_begin % STRIDE, 0);
        if (i > 0 && p->begin == last_end) { /* a cut in speech: both have heard both sides */
            ck_assert_uint_eq(p->begin - p->heard_begin, config.context_frames);
            ck_assert_uint_eq(c->pieces[i - 1].heard_end - last_end, config.context_frames);
        }
        last_end = p->end;
    }
}

static size_t letters_without_owner(const struct cuts *c, const struct stream *s)
{
    size_t missed = 0;

    for (size_t t = 0; t < s->n; t++) {
        bool owned = false;
        for (size_t i = 0; i < c->n; i++)
            owned |= t >= c->pieces[i].begin && t < c->pieces[i].end;
        missed += s->letter[t] && !owned;
    }
    return missed;
}

START_TEST(a_recording_that_fits_is_one_piece_with_all_its_frames)
    {
        struct stream s = {0};
        add_recording(&s, recordings[0]);
        ck_assert_uint_le(s.n, config.max_frames);
        struct cuts c = cut_up(&s, 100);
        ck_assert_uint_eq(c.n, 1);
        ck_assert_uint_eq(c.pieces[0].begin, 0);
        ck_assert_uint_eq(c.pieces[0].heard_begin, 0);
        ck_assert_uint_eq(c.pieces[0].end, s.n);
        ck_assert_uint_eq(c.pieces[0].heard_end, s.n);
        stream_free(&s);
    }
END_TEST

START_TEST(silence_is_no_piece_short_or_long)
    {
        static const size_t frames[] = {0, 1, 500, 1000, 1001, 5000};
        struct stream s = {0};
        add_pause(&s, frames[_i]);
        struct cuts c = cut_up(&s, 100);
        ck_assert_uint_eq(c.n, 0);
        stream_free(&s);
    }
END_TEST

START_TEST(no_letter_of_a_long_recording_is_lost)
    {
        static const size_t pauses[] = {0, 20, 60, 150, 700, 3000};
        struct stream s = {0};
        for (int i = 0; i < 8; i++) {
            add_recording(&s, recordings[i % 2]);
            add_pause(&s, pauses[_i]);
        }
        struct cuts c = cut_up(&s, 160);
        check_cuts(&c, &s);
        ck_assert_uint_gt(c.n, 3);
        ck_assert_uint_eq(letters_without_owner(&c, &s), 0);
        stream_free(&s);
    }
END_TEST

START_TEST(a_long_pause_belongs_to_no_piece)
    {
        static const size_t pauses[] = {200,
                                        1500}; /* the first by itself would be no reason to cut */
        struct stream s = {0};
        add_recording(&s, recordings[0]);
        size_t begin = s.n;
        add_pause(&s, pauses[_i]);
        size_t end = s.n;
        add_recording(&s, recordings[0]);
        struct cuts c = cut_up(&s, 160);
        check_cuts(&c, &s);
        ck_assert_uint_eq(c.n, 2);
        /* the hangover is a fifth of a second */
        ck_assert_uint_le(c.pieces[0].end, begin + 30);
        ck_assert_uint_ge(c.pieces[1].begin, end - 30);
        ck_assert_uint_eq(c.pieces[1].heard_begin, c.pieces[1].begin);
        stream_free(&s);
    }
END_TEST

START_TEST(a_recording_too_long_for_one_piece_is_cut_in_its_longest_pause)
    {
        /* The pause is too short to be left out, and where a first piece may end. */
        struct stream s = {0};
        add_recording(&s, recordings[0]);
        size_t begin = s.n;
        add_pause(&s, 48);
        size_t end = s.n;
        add_recording(&s, recordings[1]);
        ck_assert_uint_gt(s.n, config.max_frames);
        struct cuts c = cut_up(&s, 160);
        check_cuts(&c, &s);
        ck_assert_uint_ge(c.n, 2);
        ck_assert_uint_eq(c.pieces[0].end, c.pieces[1].begin);
        ck_assert_uint_ge(c.pieces[0].end, begin + 10);
        ck_assert_uint_le(c.pieces[0].end, end - 10);
        stream_free(&s);
    }
END_TEST

START_TEST(without_a_pause_it_is_cut_at_the_weakest_point)
    {
        enum { DIP = 615 };
        /* Vowels of three frames by turns, all as loud as each other, under a second of silence
         * that says what the noise is; but for one frame. */
        struct stream s = {0};
        grow(&s, 1200);
        for (size_t t = 0; t < s.n; t++)
            for (size_t b = 0; b < BINS; b++)
                s.values[t * BINS + b] = (b / 8 + t / 10) % 2 ? 14 : 17;
        for (size_t b = 0; b < BINS; b++)
            s.values[DIP * BINS + b] -= 1;
        struct cuts c = cut_up(&s, 160);
        check_cuts(&c, &s);
        ck_assert_uint_ge(c.n, 2);
        ck_assert_uint_eq(c.pieces[0].end, DIP);
        ck_assert_uint_eq(c.pieces[1].begin, DIP);
        stream_free(&s);
    }
END_TEST

START_TEST(pushes_of_any_size_give_the_same_pieces)
    {
        static const size_t steps[] = {1, 7, 99, 1600, 100000};
        struct stream s = {0};
        for (int i = 0; i < 6; i++) {
            add_recording(&s, recordings[i % 2]);
            add_pause(&s, 100 * (size_t)i);
        }
        struct cuts want = cut_up(&s, 160), c = cut_up(&s, steps[_i]);
        ck_assert_uint_gt(want.n, 4);
        ck_assert_uint_eq(c.n, want.n);
        for (size_t i = 0; i < c.n; i++) {
            ck_assert_uint_eq(c.pieces[i].begin, want.pieces[i].begin);
            ck_assert_uint_eq(c.pieces[i].end, want.pieces[i].end);
            ck_assert_uint_eq(c.pieces[i].heard_begin, want.pieces[i].heard_begin);
            ck_assert_uint_eq(c.pieces[i].heard_end, want.pieces[i].heard_end);
            ck_assert_uint_eq(c.pieces[i].speech_frames, want.pieces[i].speech_frames);
        }
        stream_free(&s);
    }
END_TEST

START_TEST(a_longer_stream_takes_no_more_memory)
    {
        struct stream s = {0};
        for (int i = 0; i < 40; i++) {
            add_recording(&s, recordings[i % 2]);
            add_pause(&s, i % 3 == 0 ? 2000 : 0);
        }
        size_t before = bytes_asked_for();
        cut_up(&s, 160);
        /* A piece, twice the pause, a push, and half as much again: growth included. */
        ck_assert_uint_gt(s.n, 30 * config.max_frames);
        ck_assert_uint_lt(bytes_asked_for() - before, 6 * config.max_frames * BINS * sizeof(float));
        stream_free(&s);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct stream s = {0};
        enum asr_status st;
        long nth = 0;

        add_recording(&s, recordings[0]);
        do {
            struct pieces *fresh;
            struct piece piece;
            fail_alloc(nth++);
            st = pieces_new(&fresh, fb, &config, NULL);
            if (st == ASR_OK)
                st = pieces_push(fresh, s.values, s.n, NULL);
            fail_alloc(-1);
            if (st == ASR_OK) {
                pieces_finish(fresh);
                ck_assert(pieces_next(fresh, &piece));
            }
            pieces_free(fresh);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 9); /* its struct, voice activity's six, features and decisions */
        stream_free(&s);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pieces");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_recording_that_fits_is_one_piece_with_all_its_frames);
    tcase_add_loop_test(tc, silence_is_no_piece_short_or_long, 0, 6);
    tcase_add_loop_test(tc, no_letter_of_a_long_recording_is_lost, 0, 6);
    tcase_add_loop_test(tc, a_long_pause_belongs_to_no_piece, 0, 2);
    tcase_add_test(tc, a_recording_too_long_for_one_piece_is_cut_in_its_longest_pause);
    tcase_add_test(tc, without_a_pause_it_is_cut_at_the_weakest_point);
    tcase_add_loop_test(tc, pushes_of_any_size_give_the_same_pieces, 0, 5);
    tcase_add_test(tc, a_longer_stream_takes_no_more_memory);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
