/* The AMX kernel of int8, with its instructions emulated, against plain C. */
#if defined(__x86_64__)
#include "tests/support/amx_emulator.h"

#define kernel_amx_int8 emulated_int8
#include "model/kernels/amx_int8.c"
#endif

#include "tests/support/kernel_pair.h"
#include "tests/support/suite.h"

START_TEST(the_emulated_kernel_agrees_with_plain_c)
    {
#if defined(__x86_64__)
        const struct kernel *plain;
        /* What it does beside tiles. */
        if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vnni"))
            return;
        ck_assert_int_eq(kernel_choose(&plain, PRECISION_INT8, 0, "portable-int8", NULL), ASR_OK);
        /* Exact up to the cells. */
        assert_kernels_agree(&emulated_int8, plain, 0, 1e-6F);
#endif
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("amx_int8");
    TCase *c = tcase_create("emulated");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, the_emulated_kernel_agrees_with_plain_c);
    suite_add_tcase(s, c);
    return s;
}
