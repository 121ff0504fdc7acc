/* The AMX kernel of bf16, with its instructions emulated, against plain C. */
#if defined(__x86_64__)
#include "tests/support/amx_emulator.h"

#define kernel_amx_bf16 emulated_bf16
#include "model/kernels/amx_bf16.c"
#endif

#include "tests/support/kernel_pair.h"
#include "tests/support/suite.h"

START_TEST(the_emulated_kernel_agrees_with_plain_c)
    {
#if defined(__x86_64__)
        const struct kernel *plain;
        /* What it does beside tiles. */
        if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512bf16"))
            return;
        ck_assert_int_eq(kernel_choose(&plain, PRECISION_BF16, 0, "portable-bf16", NULL), ASR_OK);
        /* Sums of up to 130 products below 1, in another order. */
        assert_kernels_agree(&emulated_bf16, plain, 2e-5F, 1e-5F);
#endif
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("amx_bf16");
    TCase *c = tcase_create("emulated");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, the_emulated_kernel_agrees_with_plain_c);
    suite_add_tcase(s, c);
    return s;
}
