/* The witness is the independent float64 program of tests/data/golden/ for the features, and
 * arithmetic for channels and durations. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "audio/front_end.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/shipped_fbank.h"
#include "tests/support/suite.h"

static const struct decode_limits limits = {.max_seconds = 60,
                                            .min_rate_hz = 4000,
                                            .max_rate_hz = 192000,
                                            .max_channels = 8,
                                            .max_decoded_bytes = 64 << 20};

static struct fbank *fb;
static struct front_end_work *work;
static struct features features;

static void set_up(void)
{
    ck_assert_int_eq(fbank_new(&fb, &shipped_fbank, NULL), ASR_OK);
    ck_assert_int_eq(front_end_work_new(&work, fb, limits.max_channels, NULL), ASR_OK);
}

static void tear_down(void)
{
    features_free(&features);
    front_end_work_free(work);
    fbank_free(fb);
}

static void extract_file(const char *path)
{
    struct asr_error err = {0};
    size_t n_bytes;
    char *bytes = file_read(path, &n_bytes);
    enum asr_status st =
        front_end_extract(fb, work, bytes, n_bytes, NULL, CHANNEL_MIX, &limits, &features, &err);
    ck_assert_msg(st == ASR_OK, "%s: %s", path, err.text);
    free(bytes);
}

START_TEST(a_flac_file_gives_the_reference_features)
    {
        struct npy golden = npy_read("tests/data/golden/read16k.61-70968-0025.flac.features.npy");

        for (int again = 0; again < 2; again++) { /* nothing of the first run is left in the work */
            extract_file("tests/data/golden/read16k.61-70968-0025.flac");
            ck_assert_uint_eq(features.frames, golden.rows);
            ck_assert_uint_eq(features.bins, golden.cols);
            for (size_t k = 0; k < golden.rows * golden.cols; k++)
                ck_assert_float_eq_tol(features.values[k], golden.values[k], 2e-3f);
        }
        free(golden.values);
    }
END_TEST

/* 16-bit samples at 16 kHz on `channels`, as headerless audio. */
static enum asr_status extract_pcm(const int16_t *samples, size_t n_bytes, unsigned channels,
                                   int channel, struct asr_error *err)
{
    struct raw_format raw = {RAW_PCM_S16LE, 16000, channels};
    return front_end_extract(fb, work, samples, n_bytes, &raw, channel, &limits, &features, err);
}

static void fill_noise(int16_t *samples, size_t count, size_t stride, unsigned seed)
{
    for (size_t i = 0; i < count; i += stride) {
        seed = seed * 1664525U + 1013904223U;
        samples[i] = (int16_t)((int)(seed >> 20) - 2048);
    }
}

START_TEST(a_picked_channel_gives_what_it_gives_alone)
    {
        enum { SAMPLES = 3000 };
        int16_t mono[2][SAMPLES], stereo[2 * SAMPLES];
        struct asr_error err = {0};

        for (int c = 0; c < 2; c++)
            fill_noise(mono[c], SAMPLES, 1, (unsigned)c);
        for (size_t i = 0; i < COUNT(stereo); i++)
            stereo[i] = mono[i % 2][i / 2];
        ck_assert_int_eq(extract_pcm(mono[_i], sizeof(mono[_i]), 1, CHANNEL_MIX, &err), ASR_OK);
        struct features alone = features;
        features = (struct features){0};
        ck_assert_int_eq(extract_pcm(stereo, sizeof(stereo), 2, _i, &err), ASR_OK);
        ck_assert_uint_eq(features.frames, alone.frames);
        ck_assert_uint_gt(alone.frames, 0);
        ck_assert_mem_eq(features.values, alone.values, alone.frames * alone.bins * sizeof(float));
        features_free(&alone);
    }
END_TEST

START_TEST(every_channel_comes_out_of_one_pass_as_it_does_alone)
    {
        enum { SAMPLES = 40000 }; /* several blocks */
        static int16_t mono[3][SAMPLES], all[3 * SAMPLES];
        const struct raw_format raw = {RAW_PCM_S16LE, 8000, 3}; /* resampled, so with state */
        struct features each[3] = {{.bins = 80}, {.bins = 80}, {.bins = 80}};
        struct asr_error err = {0};
        struct front_end *fe;
        size_t frames;

        for (int c = 0; c < 3; c++)
            fill_noise(mono[c], SAMPLES, 1, (unsigned)c);
        for (size_t i = 0; i < COUNT(all); i++)
            all[i] = mono[i % 3][i / 3];
        ck_assert_int_eq(
            front_end_open(&fe, fb, all, sizeof(all), &raw, CHANNEL_EACH, &limits, &err), ASR_OK);
        ck_assert_uint_eq(front_end_lanes(fe), 3);
        do {
            ck_assert_int_eq(front_end_next(fe, work, &frames, &err), ASR_OK);
            for (size_t c = 0; c < 3; c++)
                features_append(&each[c], front_end_features(fe, c), frames, &err);
        } while (frames > 0);
        ck_assert_double_eq_tol(front_end_seconds(fe), 5, 1e-12);
        front_end_close(fe);
        for (size_t c = 0; c < 3; c++) {
            struct raw_format one = {RAW_PCM_S16LE, 8000, 1};
            ck_assert_int_eq(front_end_extract(fb, work, mono[c], sizeof(mono[c]), &one, 0, &limits,
                                               &features, &err),
                             ASR_OK);
            ck_assert_uint_eq(each[c].frames, fbank_frames(fb, 5 * shipped_fbank.sample_rate_hz));
            ck_assert_uint_eq(each[c].frames, features.frames);
            ck_assert_mem_eq(each[c].values, features.values,
                             features.frames * features.bins * sizeof(float));
            features_free(&each[c]);
        }
    }
END_TEST

START_TEST(a_long_recording_takes_the_memory_of_a_block)
    {
        enum { SECONDS = 60 };
        const struct raw_format raw = {RAW_MULAW, 8000, 2};
        unsigned char *bytes = calloc(2 * 8000, SECONDS);
        struct asr_error err = {0};
        struct front_end *fe;
        size_t frames = 1, all = 0, before;

        ck_assert_ptr_nonnull(bytes);
        before = bytes_asked_for();
        ck_assert_int_eq(front_end_open(&fe, fb, bytes, (size_t)2 * 8000 * SECONDS, &raw,
                                        CHANNEL_EACH, &limits, &err),
                         ASR_OK);
        for (; frames > 0; all += frames)
            ck_assert_int_eq(front_end_next(fe, work, &frames, &err), ASR_OK);
        front_end_close(fe);
        ck_assert_uint_eq(all, fbank_frames(fb, (size_t)SECONDS * shipped_fbank.sample_rate_hz));
        /* All features of one channel would be 1.9 MB. */
        ck_assert_uint_lt(bytes_asked_for() - before, (size_t)1 << 20);
        free(bytes);
    }
END_TEST

START_TEST(channels_that_cancel_mix_to_silence)
    {
        int16_t stereo[2000];
        struct asr_error err = {0};

        fill_noise(stereo, COUNT(stereo), 2, 1);
        for (size_t i = 0; i < COUNT(stereo); i += 2)
            stereo[i + 1] = (int16_t)-stereo[i];
        ck_assert_int_eq(extract_pcm(stereo, sizeof(stereo), 2, CHANNEL_MIX, &err), ASR_OK);
        ck_assert_uint_eq(features.frames, 4);
        for (size_t k = 0; k < features.frames * features.bins; k++)
            ck_assert_float_eq(features.values[k], logf((float)shipped_fbank.log_floor));
    }
END_TEST

START_TEST(a_channel_that_is_not_there_is_refused)
    {
        static const int channels[] = {1, 2, 1000, -3};
        int16_t samples[1000] = {0};
        struct asr_error err;
        ck_assert_int_eq(extract_pcm(samples, sizeof(samples), 1, channels[_i], &err),
                         ASR_ERR_INVALID);
        ck_assert_uint_eq(features.frames, 0);
    }
END_TEST

START_TEST(a_recording_shorter_than_a_frame_has_no_features_and_no_error)
    {
        static const size_t samples[] = {1, 399, 400};
        int16_t in[400] = {0};
        struct asr_error err = {0};
        ck_assert_int_eq(extract_pcm(in, samples[_i] * sizeof(*in), 1, CHANNEL_MIX, &err), ASR_OK);
        ck_assert_uint_eq(features.frames, samples[_i] == 400 ? 1 : 0);
        ck_assert_double_eq_tol(features.duration_seconds, (double)samples[_i] / 16000, 1e-12);
    }
END_TEST

START_TEST(other_rates_keep_their_duration)
    {
        static const unsigned rates_hz[] = {8000, 11025, 44100, 48000, 192000};
        struct raw_format raw = {RAW_MULAW, rates_hz[_i], 1};
        struct asr_error err = {0};
        unsigned char *in = calloc(2, rates_hz[_i]);

        ck_assert_ptr_nonnull(in);
        enum asr_status st = front_end_extract(fb, work, in, 2 * rates_hz[_i], &raw, CHANNEL_MIX,
                                               &limits, &features, &err);
        ck_assert_msg(st == ASR_OK, "%s", err.text);
        ck_assert_double_eq_tol(features.duration_seconds, 2.0, 1e-12);
        ck_assert_uint_eq(features.frames, fbank_frames(fb, 2 * shipped_fbank.sample_rate_hz));
        ck_assert_uint_eq(features.source.rate_hz, rates_hz[_i]);
        free(in);
    }
END_TEST

START_TEST(features_are_what_is_decoded_whatever_the_header_says)
    {
        /* Silence in FLAC: 20 seconds declared as unknown, in a few hundred bytes. */
        size_t n_bytes;
        char *bytes = file_read("tests/data/audio/silence-20s.flac", &n_bytes);
        struct asr_error err = {0};

        memset(bytes + 22, 0, 4); /* STREAMINFO's number of samples: unknown */
        enum asr_status st = front_end_extract(fb, work, bytes, n_bytes, NULL, CHANNEL_MIX, &limits,
                                               &features, &err);
        ck_assert_msg(st == ASR_OK, "%s", err.text);
        ck_assert_uint_eq(features.source.declared_frames, 0);
        ck_assert_uint_eq(features.frames, fbank_frames(fb, 20 * shipped_fbank.sample_rate_hz));
        free(bytes);
    }
END_TEST

START_TEST(a_failure_leaves_no_frames_of_the_recording_before)
    {
        struct asr_error err;
        extract_file("tests/data/golden/read16k.61-70968-0025.flac");
        ck_assert_uint_gt(features.frames, 0);
        ck_assert_int_eq(
            front_end_extract(fb, work, "no audio", 8, NULL, CHANNEL_MIX, &limits, &features, &err),
            ASR_ERR_FORMAT);
        ck_assert_uint_eq(features.frames, 0);
    }
END_TEST

START_TEST(a_failure_half_way_leaves_no_frames_either)
    {
        size_t n_bytes;
        char *bytes = file_read("tests/data/audio/silence-20s.flac", &n_bytes);
        struct decode_limits tight = limits;
        struct asr_error err;

        memset(bytes + 22, 0, 4); /* as above: nothing declared, so found out on the way */
        tight.max_seconds = 10;
        ck_assert_int_eq(
            front_end_extract(fb, work, bytes, n_bytes, NULL, CHANNEL_MIX, &tight, &features, &err),
            ASR_ERR_LIMIT);
        ck_assert_uint_gt(features.capacity_frames, 0);
        ck_assert_uint_eq(features.frames, 0);
        free(bytes);
    }
END_TEST

/* One thread's recordings, good and bad by turns, over the shared fbank; NULL or what went wrong.
 */
static void *extract_many(void *arg)
{
    enum { ROUNDS = 20 };
    const struct features *want = arg;
    struct front_end_work *own;
    struct features out = {0};
    size_t n_bytes;
    char *bytes = file_read("tests/data/golden/read16k.61-70968-0025.flac", &n_bytes);
    char *problem = NULL;

    if (front_end_work_new(&own, fb, 1, NULL) != ASR_OK)
        return "no work";
    for (int i = 0; i < ROUNDS && !problem; i++) {
        struct asr_error err = {0};
        if (front_end_extract(fb, own, "RIFF\x04\0\0\0WAVE", 12, NULL, 0, &limits, &out, &err) !=
                ASR_ERR_FORMAT ||
            strncmp(err.text, "WAV: ", 5) != 0)
            problem = "a bad recording";
        else if (front_end_extract(fb, own, bytes, n_bytes, NULL, 0, &limits, &out, &err) != ASR_OK)
            problem = "a good recording";
        else if (out.frames != want->frames ||
                 memcmp(out.values, want->values, out.frames * out.bins * sizeof(float)) != 0)
            problem = "other features";
    }
    features_free(&out);
    front_end_work_free(own);
    free(bytes);
    return problem;
}

START_TEST(threads_share_one_fbank_and_get_the_same_bits)
    {
        pthread_t threads[3];
        extract_file("tests/data/golden/read16k.61-70968-0025.flac");
        for (size_t i = 0; i < COUNT(threads); i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, extract_many, &features), 0);
        for (size_t i = 0; i < COUNT(threads); i++) {
            void *problem;
            ck_assert_int_eq(pthread_join(threads[i], &problem), 0);
            ck_assert_msg(problem == NULL, "%s", (const char *)problem);
        }
    }
END_TEST

START_TEST(more_channels_than_the_work_has_room_for_are_refused)
    {
        struct decode_limits wide = limits;
        struct raw_format raw = {RAW_PCM_S8, 16000, 9};
        struct asr_error err;
        char samples[900] = {0};

        wide.max_channels = 100;
        ck_assert_int_eq(front_end_extract(fb, work, samples, sizeof(samples), &raw, CHANNEL_MIX,
                                           &wide, &features, &err),
                         ASR_ERR_LIMIT);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        size_t n_bytes;
        char *bytes = file_read("tests/data/audio/stereo-s16.wav", &n_bytes); /* 8 kHz: resampled */
        struct fbank *own;
        enum asr_status st;
        long nth = 0;

        ck_assert_int_eq(fbank_new(&own, &shipped_fbank, NULL), ASR_OK);
        do {
            struct front_end_work *fresh;
            struct features out = {0};
            fail_alloc(nth++);
            st = front_end_work_new(&fresh, own, 2, NULL);
            if (st == ASR_OK)
                st = front_end_extract(own, fresh, bytes, n_bytes, NULL, CHANNEL_MIX, &limits, &out,
                                       NULL);
            fail_alloc(-1);
            ck_assert((st == ASR_OK) == (out.frames == 48));
            features_free(&out);
            front_end_work_free(fresh);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        /* the work's struct and two blocks, two of fbank's work; the decoder, the recording, the
         * resampler, fbank's state, the resampled block, a block's features, the features */
        ck_assert_int_ge(nth, 12);
        fbank_free(own);
        free(bytes);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("front_end");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_flac_file_gives_the_reference_features);
    tcase_add_loop_test(tc, a_picked_channel_gives_what_it_gives_alone, 0, 2);
    tcase_add_test(tc, every_channel_comes_out_of_one_pass_as_it_does_alone);
    tcase_add_test(tc, a_long_recording_takes_the_memory_of_a_block);
    tcase_add_test(tc, channels_that_cancel_mix_to_silence);
    tcase_add_loop_test(tc, a_channel_that_is_not_there_is_refused, 0, 4);
    tcase_add_loop_test(tc, a_recording_shorter_than_a_frame_has_no_features_and_no_error, 0, 3);
    tcase_add_loop_test(tc, other_rates_keep_their_duration, 0, 5);
    tcase_add_test(tc, features_are_what_is_decoded_whatever_the_header_says);
    tcase_add_test(tc, a_failure_leaves_no_frames_of_the_recording_before);
    tcase_add_test(tc, a_failure_half_way_leaves_no_frames_either);
    tcase_add_test(tc, threads_share_one_fbank_and_get_the_same_bits);
    tcase_add_test(tc, more_channels_than_the_work_has_room_for_are_refused);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
