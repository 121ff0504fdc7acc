#include "audio/mix.h"
#include "tests/support/suite.h"

static const float interleaved[] = {1.0f, 0.0f, 0.5f, 0.25f, -1.0f, 0.0f}; /* [2, 3] */

START_TEST(mixing_is_the_mean_of_the_channels)
    {
        float mono[2];
        mix_to_mono(interleaved, 2, 3, mono);
        ck_assert_float_eq(mono[0], 0.5f);
        ck_assert_float_eq(mono[1], -0.25f);
    }
END_TEST

START_TEST(picking_takes_one_channel_and_no_other)
    {
        float mono[2];
        mix_pick_channel(interleaved, 2, 3, (unsigned)_i, mono);
        ck_assert_float_eq(mono[0], interleaved[_i]);
        ck_assert_float_eq(mono[1], interleaved[3 + _i]);
    }
END_TEST

START_TEST(both_work_in_place)
    {
        float mixed[6], picked[6];
        for (size_t i = 0; i < COUNT(mixed); i++)
            mixed[i] = picked[i] = interleaved[i];
        mix_to_mono(mixed, 2, 3, mixed);
        mix_pick_channel(picked, 2, 3, 1, picked);
        ck_assert_float_eq(mixed[0], 0.5f);
        ck_assert_float_eq(mixed[1], -0.25f);
        ck_assert_float_eq(picked[0], 0.0f);
        ck_assert_float_eq(picked[1], -1.0f);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mix");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, mixing_is_the_mean_of_the_channels);
    tcase_add_loop_test(tc, picking_takes_one_channel_and_no_other, 0, 3);
    tcase_add_test(tc, both_work_in_place);
    suite_add_tcase(s, tc);
    return s;
}
