/* The witness for speech is the independent float64 program of tests/data/golden/: wherever its
 * logits prefer a letter to the blank, somebody speaks. What is not speech is made here, from
 * arithmetic. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/front_end.h"
#include "audio/voice_activity.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/shipped_fbank.h"
#include "tests/support/suite.h"

enum { RATE_HZ = 16000, TOKENS = 29, STRIDE = 3 };

static const char *const recordings[] = {"tests/data/golden/read16k.61-70968-0025.flac",
                                         "tests/data/golden/read16k.4077-13751-0001.flac",
                                         "tests/data/golden/phone8k.61-70968-0025.wav"};

static struct fbank *fb;
static struct voice_activity *va;

/* Samples of a recording, or of our own making. */
struct sound {
    float *samples;
    size_t n;
};

struct verdict {
    struct voice_frame *frames;
    size_t n, n_speech;
};

static void set_up(void)
{
    ck_assert_int_eq(fbank_new(&fb, &shipped_fbank, NULL), ASR_OK);
    ck_assert_int_eq(voice_activity_new(&va, fb, NULL), ASR_OK);
}

static void tear_down(void)
{
    voice_activity_free(va);
    fbank_free(fb);
}

static struct sound silence(double seconds)
{
    struct sound s = {.n = (size_t)(seconds * RATE_HZ)};
    s.samples = calloc(s.n, sizeof(*s.samples));
    ck_assert_ptr_nonnull(s.samples);
    return s;
}

static double uniform(uint32_t *seed) /* in [-1, 1) */
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed / 2147483648.0 - 1;
}

static void add_noise(struct sound *s, double rms)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < s->n; i++)
        s->samples[i] += (float)(rms * sqrt(3) * uniform(&seed));
}

static void add_tone(struct sound *s, size_t begin, size_t n, double hz, double level)
{
    for (size_t i = begin; i < begin + n && i < s->n; i++)
        s->samples[i] += (float)(level * sin(2 * M_PI * hz * (double)i / RATE_HZ));
}

/* At the rate of the features. */
static struct sound recording(const char *path)
{
    size_t n_bytes, n, max = (size_t)40 * RATE_HZ;
    char *bytes = file_read(path, &n_bytes);
    const struct decode_limits limits = {60, 8000, 16000, 1, 64 << 20};
    struct sound s = silence(40);
    struct decoder *decoder;

    ck_assert_int_eq(decoder_open(&decoder, bytes, n_bytes, NULL, &limits, NULL), ASR_OK);
    ck_assert_int_eq(decoder_read(decoder, s.samples, max, &n, NULL), ASR_OK);
    ck_assert_uint_eq(decoder_info(decoder)->rate_hz, RATE_HZ);
    s.n = n;
    decoder_close(decoder);
    free(bytes);
    return s;
}

static void append(struct sound *to, const struct sound *from, double level)
{
    float *samples = realloc(to->samples, (to->n + from->n) * sizeof(*samples));
    ck_assert_ptr_nonnull(samples);
    to->samples = samples;
    for (size_t i = 0; i < from->n; i++)
        to->samples[to->n + i] = (float)level * from->samples[i];
    to->n += from->n;
}

/* features[frames, bins], pushed `step` frames at a time. */
static struct verdict decide(const float *features, size_t frames, size_t step)
{
    size_t bins = fbank_bins(fb);
    struct verdict v = {0};

    v.frames = calloc(frames + step + 2 * voice_activity_delay(va), sizeof(*v.frames));
    ck_assert_ptr_nonnull(v.frames);
    voice_activity_reset(va);
    for (size_t t = 0; t < frames; t += step) {
        size_t n = frames - t < step ? frames - t : step;
        v.n += voice_activity_push(va, features + t * bins, n, v.frames + v.n);
        ck_assert_uint_le(t + n - v.n, voice_activity_delay(va));
    }
    v.n += voice_activity_finish(va, v.frames + v.n);
    ck_assert_uint_eq(v.n, frames);
    for (size_t t = 0; t < frames; t++)
        v.n_speech += v.frames[t].speech;
    return v;
}

static struct features features_of(const struct sound *s)
{
    struct fbank_work *work;
    struct fbank_state *state;
    struct features f = {.bins = fbank_bins(fb), .frames = fbank_frames(fb, s->n)};

    f.values = calloc(f.frames * f.bins + 1, sizeof(float));
    ck_assert_ptr_nonnull(f.values);
    ck_assert_int_eq(fbank_work_new(&work, fb, NULL), ASR_OK);
    ck_assert_int_eq(fbank_state_new(&state, fb, NULL), ASR_OK);
    ck_assert_uint_eq(fbank_push(fb, work, state, s->samples, s->n, f.values), f.frames);
    fbank_state_free(state);
    fbank_work_free(work);
    return f;
}

static struct verdict decide_sound(const struct sound *s)
{
    struct features f = features_of(s);
    struct verdict v = decide(f.values, f.frames, 100);
    features_free(&f);
    return v;
}

/* Frames that the golden logits give a letter, from feature frame `at` on; how many are not speech.
 */
static size_t letters_missed(const char *path, const struct verdict *v, size_t at, size_t *letters)
{
    char name[256];
    size_t missed = 0;

    snprintf(name, sizeof(name), "%s.logits.npy", path);
    struct npy logits = npy_read(name);
    ck_assert_uint_eq(logits.cols, TOKENS);
    *letters = 0;
    for (size_t r = 0; r < logits.rows; r++) {
        const float *row = logits.values + r * TOKENS;
        size_t best = 0;
        for (size_t k = 1; k < TOKENS; k++)
            best = row[k] > row[best] ? k : best;
        if (best == 0)
            continue;
        ++*letters;
        missed += !v->frames[at + STRIDE * r + 1].speech;
    }
    free(logits.values);
    return missed;
}

static void check_all_letters_heard(const char *path, const struct verdict *v, size_t at)
{
    size_t letters, missed = letters_missed(path, v, at, &letters);
    ck_assert_uint_gt(letters, 50);
    ck_assert_uint_eq(missed, 0);
}

START_TEST(all_of_a_recordings_letters_are_speech)
    {
        char name[256];
        snprintf(name, sizeof(name), "%s.features.npy", recordings[_i]);
        struct npy f = npy_read(name);
        struct verdict v = decide(f.values, f.rows, f.rows);
        check_all_letters_heard(recordings[_i], &v, 0);
        free(v.frames);
        free(f.values);
    }
END_TEST

START_TEST(the_level_does_not_matter)
    {
        static const double levels[] = {0.01, 0.1, 2.0};
        struct sound spoken = recording(recordings[0]), s = silence(1);
        append(&s, &spoken, levels[_i]);
        struct verdict v = decide_sound(&s);
        check_all_letters_heard(recordings[0], &v, 100);
        free(v.frames);
        free(s.samples);
        free(spoken.samples);
    }
END_TEST

START_TEST(an_offset_does_not_matter)
    {
        struct sound s = recording(recordings[0]);
        for (size_t i = 0; i < s.n; i++)
            s.samples[i] = 0.5F * s.samples[i] + 0.3F;
        struct verdict v = decide_sound(&s);
        check_all_letters_heard(recordings[0], &v, 0);
        free(v.frames);
        free(s.samples);
    }
END_TEST

START_TEST(a_quiet_speaker_after_a_loud_one_is_heard_and_the_pause_between_them_is_not)
    {
        struct sound spoken = recording(recordings[0]), s = silence(0), pause = silence(5);
        size_t at[2];

        append(&s, &spoken, 1);
        at[0] = s.n / (RATE_HZ / 100);
        append(&s, &pause, 1);
        at[1] = s.n / (RATE_HZ / 100);
        append(&s, &spoken, 0.03); /* 30 dB less */
        add_noise(&s, 0.0001);
        struct verdict v = decide_sound(&s);
        check_all_letters_heard(recordings[0], &v, 0);
        check_all_letters_heard(recordings[0], &v, at[1]);
        for (size_t t = at[0] + 50; t < at[1] - 50; t++)
            ck_assert(!v.frames[t].speech);
        free(v.frames);
        free(pause.samples);
        free(s.samples);
        free(spoken.samples);
    }
END_TEST

START_TEST(speech_in_noise_is_heard)
    {
        /* The recording's speech has an rms of about 0.06: 10 dB more. */
        struct sound s = recording(recordings[0]);
        size_t letters;
        add_noise(&s, 0.02);
        struct verdict v = decide_sound(&s);
        ck_assert_uint_lt(20 * letters_missed(recordings[0], &v, 0, &letters), letters);
        free(v.frames);
        free(s.samples);
    }
END_TEST

/* ---- what is not speech -----------------------------------------------------------------------
 */

static void make_silence(struct sound *s)
{
    (void)s;
}

static void make_least_bits(struct sound *s)
{
    add_noise(s, 0.7 / 32768);
    for (size_t i = 0; i < s->n; i++)
        s->samples[i] = rintf(s->samples[i] * 32768) / 32768;
}

/* Digital silence in which now and then one sample is one step. */
static void make_clicks(struct sound *s)
{
    for (size_t i = 0; i < s->n; i += 3001)
        s->samples[i] = 1.0F / 32768;
}

static void make_loud_noise(struct sound *s)
{
    add_noise(s, 0.1);
}

static void make_quiet_noise(struct sound *s)
{
    add_noise(s, 0.002);
}

/* A first-order low-pass: as a car's, or a fan's. */
static void make_coloured_noise(struct sound *s)
{
    add_noise(s, 0.3);
    for (size_t i = 1; i < s->n; i++)
        s->samples[i] = 0.95F * s->samples[i - 1] + 0.05F * s->samples[i];
}

static void make_noise_that_comes_and_goes(struct sound *s)
{
    add_noise(s, 0.05);
    for (size_t i = 0; i < s->n; i++)
        if (i % RATE_HZ > 0.3 * RATE_HZ)
            s->samples[i] = 0;
}

static void make_step_of_noise(struct sound *s)
{
    add_noise(s, 0.05);
    for (size_t i = 0; i < s->n / 2; i++)
        s->samples[i] *= 0.01F;
}

static void make_tone(struct sound *s)
{
    add_tone(s, 0, s->n, 1000, 0.3);
}

static void make_dial_tone(struct sound *s)
{
    add_tone(s, 0, s->n, 350, 0.2);
    add_tone(s, 0, s->n, 440, 0.2);
}

static void make_busy_tone(struct sound *s)
{
    for (size_t i = 0; i < s->n; i += RATE_HZ) {
        add_tone(s, i, RATE_HZ / 2, 480, 0.2);
        add_tone(s, i, RATE_HZ / 2, 620, 0.2);
    }
}

static void make_hum(struct sound *s)
{
    for (int h = 1; h < 10; h += 2)
        add_tone(s, 0, s->n, 50.0 * h, 0.1 / h);
}

/* Digits, 90 ms each and 90 ms apart. */
static void make_dialling(struct sound *s)
{
    static const double low[] = {697, 770, 852, 941}, high[] = {1209, 1336, 1477, 1633};
    size_t n = (size_t)(0.09 * RATE_HZ);

    for (size_t i = 0; i < s->n; i += 2 * n) {
        add_tone(s, i, n, low[i / n / 2 % 4], 0.2);
        add_tone(s, i, n, high[i / n / 8 % 4], 0.2);
    }
}

static void (*const not_speech[])(struct sound *s) = {
    make_silence,     make_least_bits,     make_clicks,        make_loud_noise,
    make_quiet_noise, make_coloured_noise, make_step_of_noise, make_noise_that_comes_and_goes,
    make_tone,        make_dial_tone,      make_busy_tone,     make_hum,
    make_dialling,
};

START_TEST(what_a_line_carries_when_nobody_speaks_is_no_speech)
    {
        struct sound s = silence(12);
        not_speech[_i](&s);
        struct verdict v = decide_sound(&s);
        ck_assert_uint_eq(v.n, fbank_frames(fb, s.n));
        ck_assert_uint_eq(v.n_speech, 0);
        free(v.frames);
        free(s.samples);
    }
END_TEST

START_TEST(speech_after_a_dial_tone_is_heard_and_the_tone_is_not)
    {
        struct sound spoken = recording(recordings[0]), s = silence(6);
        make_dial_tone(&s);
        append(&s, &spoken, 1);
        struct verdict v = decide_sound(&s);
        check_all_letters_heard(recordings[0], &v, 600);
        for (size_t t = 0; t < 500; t++)
            ck_assert(!v.frames[t].speech);
        free(v.frames);
        free(s.samples);
        free(spoken.samples);
    }
END_TEST

/* ---- a stream ---------------------------------------------------------------------------------
 */

START_TEST(pushes_of_any_size_give_what_the_whole_gives)
    {
        static const size_t steps[] = {1, 7, 24, 25, 26, 300};
        struct npy f = npy_read("tests/data/golden/read16k.4077-13751-0001.flac.features.npy");
        struct verdict whole = decide(f.values, f.rows, f.rows);
        struct verdict cut = decide(f.values, f.rows, steps[_i]);

        ck_assert_uint_gt(whole.n_speech, 0);
        for (size_t t = 0; t < whole.n; t++) {
            ck_assert_float_eq(cut.frames[t].level_db, whole.frames[t].level_db);
            ck_assert(cut.frames[t].active == whole.frames[t].active);
            ck_assert(cut.frames[t].speech == whole.frames[t].speech);
        }
        free(whole.frames);
        free(cut.frames);
        free(f.values);
    }
END_TEST

START_TEST(recordings_of_a_few_frames_are_decided_too)
    {
        static const size_t frames[] = {0, 1, 4, 5, 9, 24, 25, 26};
        struct npy f = npy_read("tests/data/golden/read16k.4077-13751-0001.flac.features.npy");
        struct verdict v = decide(f.values, frames[_i], 3);
        ck_assert_uint_eq(v.n, frames[_i]);
        free(v.frames);
        free(f.values);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        enum asr_status st;
        long nth = 0;

        do {
            struct voice_activity *fresh;
            fail_alloc(nth++);
            st = voice_activity_new(&fresh, fb, NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (fresh != NULL));
            voice_activity_free(fresh);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_ge(nth, 6); /* struct, ring, noise, its features; fbank's own */
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("voice_activity");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, all_of_a_recordings_letters_are_speech, 0, COUNT(recordings));
    tcase_add_loop_test(tc, the_level_does_not_matter, 0, 3);
    tcase_add_test(tc, an_offset_does_not_matter);
    tcase_add_test(tc, a_quiet_speaker_after_a_loud_one_is_heard_and_the_pause_between_them_is_not);
    tcase_add_test(tc, speech_in_noise_is_heard);
    tcase_add_loop_test(tc, what_a_line_carries_when_nobody_speaks_is_no_speech, 0,
                        COUNT(not_speech));
    tcase_add_test(tc, speech_after_a_dial_tone_is_heard_and_the_tone_is_not);
    tcase_add_loop_test(tc, pushes_of_any_size_give_what_the_whole_gives, 0, 6);
    tcase_add_loop_test(tc, recordings_of_a_few_frames_are_decided_too, 0, 8);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
