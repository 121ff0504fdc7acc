/* kernel.c - which kernels there are, and which one this machine is to use. */
#include "model/kernels/kernel.h"

#include <stdio.h>
#include <string.h>

#include "audio/count.h"
#include "model/kernels/all.h"

/* The portable ones come last: they are never chosen where another is usable. */
const struct kernel *const kernels[] = {
#if defined(__x86_64__)
    &kernel_amx_int8,      &kernel_amx_bf16,      &kernel_avx512_vnni,
    &kernel_avx512_bf16,   &kernel_avx512_f32,    &kernel_avx2_f32,
#elif defined(__aarch64__)
    &kernel_neon_f32,
#endif
    &kernel_portable_int8, &kernel_portable_bf16, &kernel_portable_f32,
};
const size_t n_kernels = COUNT(kernels);

static const char *const precision_names[] = {[PRECISION_AUTO] = "auto",
                                              [PRECISION_F32] = "f32",
                                              [PRECISION_BF16] = "bf16",
                                              [PRECISION_INT8] = "int8"};

const char *precision_name(enum precision precision)
{
    return precision_names[precision];
}

enum precision precision_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(precision_names); i++)
        if (strcmp(name, precision_names[i]) == 0)
            return (enum precision)i;
    return PRECISION_AUTO;
}

static const struct kernel *fastest(enum precision precision)
{
    for (size_t i = 0; i < n_kernels; i++)
        if (kernels[i]->precision == precision && kernels[i]->usable())
            return kernels[i];
    return NULL;
}

static bool is_portable(const struct kernel *kernel)
{
    return kernel == &kernel_portable_int8 || kernel == &kernel_portable_bf16 ||
           kernel == &kernel_portable_f32;
}

static const struct kernel *automatic(unsigned trusted)
{
    static const enum precision order[] = {PRECISION_INT8, PRECISION_BF16};

    for (size_t i = 0; i < COUNT(order); i++) {
        const struct kernel *kernel = fastest(order[i]);
        /* Emulated low precision is slower than f32. */
        if (trusted & 1U << order[i] && !is_portable(kernel))
            return kernel;
    }
    return fastest(PRECISION_F32);
}

static enum asr_status refuse(enum precision wanted, const char *name, struct asr_error *err)
{
    char list[256] = "";
    size_t n = 0;

    for (size_t i = 0; i < n_kernels; i++)
        if (kernels[i]->usable() && (wanted == PRECISION_AUTO || kernels[i]->precision == wanted))
            n += (size_t)snprintf(list + n, sizeof(list) - n, " %s", kernels[i]->name);
    return asr_fail(err, ASR_ERR_INVALID,
                    "kernel '%.64s' is not one of those for precision %s on this machine:%s", name,
                    precision_name(wanted), list);
}

enum asr_status kernel_choose(const struct kernel **out, enum precision wanted, unsigned trusted,
                              const char *name, struct asr_error *err)
{
    *out = NULL;
    if (!*name) {
        *out = wanted == PRECISION_AUTO ? automatic(trusted) : fastest(wanted);
        return ASR_OK;
    }
    for (size_t i = 0; i < n_kernels; i++)
        if (strcmp(kernels[i]->name, name) == 0 && kernels[i]->usable() &&
            (wanted == PRECISION_AUTO || kernels[i]->precision == wanted))
            *out = kernels[i];
    return *out ? ASR_OK : refuse(wanted, name, err);
}
