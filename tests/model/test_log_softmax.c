#include "model/log_softmax.h"

#include <math.h>

#include "tests/support/suite.h"

/* Natural logarithms by hand: ln(1/2), and x - ln(e + e^2 + e^3). */
START_TEST(rows_are_what_the_formula_gives)
    {
        static const struct {
            float logits[3], want[3];
        } rows[] = {
            {{1, 2, 3}, {-2.40760596F, -1.40760596F, -0.40760596F}},
            {{1001, 1002, 1003}, {-2.40760596F, -1.40760596F, -0.40760596F}},
            {{-3003, -3002, -3001}, {-2.40760596F, -1.40760596F, -0.40760596F}},
            {{7, 7, -1e30F}, {-0.69314718F, -0.69314718F, -1e30F}},
            {{0, -200, -1000}, {0, -200, -1000}},
            {{3e38F, -3e38F, 0}, {0, -INFINITY, -3e38F}},
        };
        float values[3];
        for (size_t j = 0; j < 3; j++)
            values[j] = rows[_i].logits[j];
        log_softmax(values, 1, 3);
        for (size_t j = 0; j < 3; j++)
            ck_assert_msg(values[j] == rows[_i].want[j] ||
                              fabsf(values[j] - rows[_i].want[j]) <= 1e-6F,
                          "%g, not %g", (double)values[j], (double)rows[_i].want[j]);
    }
END_TEST

START_TEST(every_row_sums_to_one_on_its_own)
    {
        enum { ROWS = 7, WIDTH = 29 };
        float values[ROWS * WIDTH + 1];
        for (int k = 0; k <= ROWS * WIDTH; k++)
            values[k] = 20 * sinf((float)(k * k));
        float behind = values[ROWS * WIDTH];
        log_softmax(values, ROWS, WIDTH);
        for (int r = 0; r < ROWS; r++) {
            double sum = 0;
            for (int j = 0; j < WIDTH; j++)
                sum += exp((double)values[r * WIDTH + j]);
            ck_assert_double_eq_tol(sum, 1, 2e-6);
        }
        ck_assert_float_eq(values[ROWS * WIDTH], behind);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("log_softmax");
    TCase *tc = tcase_create("log_softmax");
    tcase_add_loop_test(tc, rows_are_what_the_formula_gives, 0, 6);
    tcase_add_test(tc, every_row_sums_to_one_on_its_own);
    suite_add_tcase(s, tc);
    return s;
}
