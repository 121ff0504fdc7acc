/* The witness is the independent float64 program of tests/data/golden/ for the features, and
 * arithmetic for channels and durations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/front_end.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/npy.h"
#include "tests/support/suite.h"

static const struct fbank_config config = {
    .sample_rate_hz = 16000,
    .sample_scale = 32768.0,
    .frame_length_ms = 25,
    .frame_shift_ms = 10,
    .num_mel_bins = 80,
    .low_freq_hz = 20,
    .high_freq_hz = 8000,
    .preemphasis = 0.97,
    .window = WINDOW_POVEY,
    .remove_dc_offset = true,
    .power = true,
    .fft_size = 512,
    .log_floor = 1.1920929e-07,
};
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
    ck_assert_int_eq(fbank_new(&fb, &config, NULL), ASR_OK);
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

Suite *suite(void)
{
    Suite *s = suite_create("front_end");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_flac_file_gives_the_reference_features);
    suite_add_tcase(s, tc);
    return s;
}
