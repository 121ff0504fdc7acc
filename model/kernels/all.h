/* all.h - the kernels by name, one file each. For kernel.c. */
#ifndef MODEL_KERNELS_ALL_H
#define MODEL_KERNELS_ALL_H

#include "model/kernels/kernel.h"

extern const struct kernel kernel_portable_f32, kernel_portable_bf16, kernel_portable_int8;
extern const struct kernel kernel_avx2_f32;
extern const struct kernel kernel_amx_bf16, kernel_amx_int8;
extern const struct kernel kernel_neon_f32;
extern const struct kernel kernel_avx512_f32, kernel_avx512_bf16, kernel_avx512_vnni;

#endif
