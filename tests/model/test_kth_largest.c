#include <stdlib.h>
#include <string.h>

#include "model/kth_largest.h"
#include "tests/support/suite.h"

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

START_TEST(equals_sorting_for_every_k)
    {
        enum { MAX = 60 };
        double values[MAX] = {0}, sorted[MAX], work[MAX];
        size_t n = 1 + (size_t)_i;

        srand(11 + (unsigned)_i);
        for (size_t k = 0; k < n; k++) /* few different values: many ties */
            values[k] = _i % 3 ? (double)rand() : (double)(rand() % 4);
        if (_i % 5 == 0)
            values[n / 2] = -1.0 / 0.0;
        memcpy(sorted, values, sizeof(sorted));
        qsort(sorted, n, sizeof(*sorted), descending);
        for (size_t k = 1; k <= n; k++) {
            memcpy(work, values, sizeof(work));
            ck_assert(kth_largest(work, n, k) == sorted[k - 1]);
        }
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kth_largest");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, equals_sorting_for_every_k, 0, 60);
    suite_add_tcase(s, tc);
    return s;
}
