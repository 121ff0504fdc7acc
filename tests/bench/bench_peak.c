/* bench_peak - operations a second that one core can do at most with the instruction that a kernel
 * is made of: nothing but that instruction, on registers, enough of them under way to hide how long
 * each takes. A multiplication and an addition are two operations, whatever their width. Called as
 * the kernels are, one JSON object a line; kernels that are compiled for no particular instruction
 * have none. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/count.h"
#include "model/kernels/kernel.h"

enum { PASSES = 300, MAX_PEAKS = 8 };

struct peak {
    const char *kernel;
    void (*run)(size_t turns);
    size_t turns; /* some milliseconds */
    double operations_per_turn;
};

#if defined(__x86_64__)

/* In assembly, because no compiler may merge, hoist or spill here. */
#define TWELVE_REGISTERS ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\t"
#define FOUR_REGISTERS ".irp r,0,1,2,3\n\t"
#define LOOP ".p2align 6\n\t1:\n\t"
#define LOOP_END "\n\t.endr\n\tdec %[turns]\n\tjnz 1b\n\t"
#define VECTORS                                                                                    \
    "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm12", "xmm13"

/* Operands that are no special case in any reading: small numbers in float, bf16 and int8. */
static const uint32_t small = 0x3A013A01;

static void run_avx2_f32(size_t turns)
{
    __asm__ volatile("vbroadcastss %[x], %%ymm12\n\t" LOOP TWELVE_REGISTERS
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm\\r" LOOP_END "vzeroupper"
                     : [turns] "+r"(turns)
                     : [x] "m"(small)
                     : VECTORS);
}

static void run_avx512_f32(size_t turns)
{
    __asm__ volatile("vbroadcastss %[x], %%zmm12\n\t" LOOP TWELVE_REGISTERS
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm\\r" LOOP_END "vzeroupper"
                     : [turns] "+r"(turns)
                     : [x] "m"(small)
                     : VECTORS);
}

static void run_avx512_bf16(size_t turns)
{
    __asm__ volatile("vbroadcastss %[x], %%zmm12\n\t" LOOP TWELVE_REGISTERS
                     "vdpbf16ps %%zmm12, %%zmm12, %%zmm\\r" LOOP_END "vzeroupper"
                     : [turns] "+r"(turns)
                     : [x] "m"(small)
                     : VECTORS);
}

static void run_avx512_vnni(size_t turns)
{
    __asm__ volatile("vbroadcastss %[x], %%zmm12\n\t" LOOP TWELVE_REGISTERS
                     "vpdpbusd %%zmm12, %%zmm12, %%zmm\\r" LOOP_END "vzeroupper"
                     : [turns] "+r"(turns)
                     : [x] "m"(small)
                     : VECTORS);
}

enum { TILES = 6, TILE_ROWS = 16, TILE_BYTES = 64 };

/* LDTILECFG's operand, and a tile to multiply. */
struct tiles {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
    uint32_t values[TILE_ROWS * TILE_BYTES / sizeof(uint32_t)];
};

static void tiles_fill(struct tiles *tiles)
{
    *tiles = (struct tiles){.palette = 1};
    for (size_t t = 0; t < TILES; t++) {
        tiles->rows[t] = TILE_ROWS;
        tiles->row_bytes[t] = TILE_BYTES;
    }
    for (size_t i = 0; i < COUNT(tiles->values); i++)
        tiles->values[i] = small;
}

static void run_amx_int8(size_t turns)
{
    struct tiles tiles;

    tiles_fill(&tiles);
    __asm__ volatile("ldtilecfg %[tiles]\n\t"
                     "tileloadd (%[values], %[row], 1), %%tmm4\n\t"
                     "tileloadd (%[values], %[row], 1), %%tmm5\n\t" LOOP FOUR_REGISTERS
                     "tdpbusd %%tmm5, %%tmm4, %%tmm\\r" LOOP_END "tilerelease"
                     : [turns] "+r"(turns)
                     : [tiles] "m"(tiles), [values] "r"(tiles.values), [row] "r"((size_t)TILE_BYTES)
                     : "cc");
}

static void run_amx_bf16(size_t turns)
{
    struct tiles tiles;

    tiles_fill(&tiles);
    __asm__ volatile("ldtilecfg %[tiles]\n\t"
                     "tileloadd (%[values], %[row], 1), %%tmm4\n\t"
                     "tileloadd (%[values], %[row], 1), %%tmm5\n\t" LOOP FOUR_REGISTERS
                     "tdpbf16ps %%tmm5, %%tmm4, %%tmm\\r" LOOP_END "tilerelease"
                     : [turns] "+r"(turns)
                     : [tiles] "m"(tiles), [values] "r"(tiles.values), [row] "r"((size_t)TILE_BYTES)
                     : "cc");
}

/* Registers, elements of the sum, products to an element, operations to a product. */
static const struct peak peaks[] = {
    {"avx2-f32", run_avx2_f32, 1000000, 12 * 8 * 1 * 2},
    {"avx512-f32", run_avx512_f32, 1000000, 12 * 16 * 1 * 2},
    {"avx512-bf16", run_avx512_bf16, 1000000, 12 * 16 * 2 * 2},
    {"avx512-vnni", run_avx512_vnni, 1000000, 12 * 16 * 4 * 2},
    {"amx-bf16", run_amx_bf16, 100000, 4 * 256 * 32 * 2},
    {"amx-int8", run_amx_int8, 100000, 4 * 256 * 64 * 2},
};
static const size_t n_peaks = COUNT(peaks);

#else

static const struct peak peaks[1];
static const size_t n_peaks = 0;

#endif

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_usable(const char *kernel)
{
    for (size_t k = 0; k < n_kernels; k++)
        if (strcmp(kernels[k]->name, kernel) == 0)
            return kernels[k]->usable();
    return false;
}

static double timed(const struct peak *peak)
{
    double start = cpu_seconds();
    peak->run(peak->turns);
    return cpu_seconds() - start;
}

/* In turns: a neighbour on the same core halves some of them, for tenths of a second. */
int main(void)
{
    double least[MAX_PEAKS];

    for (int pass = 0; pass < PASSES; pass++)
        for (size_t p = 0; p < n_peaks; p++) {
            double taken = is_usable(peaks[p].kernel) ? timed(&peaks[p]) : 0;
            least[p] = pass == 0 || taken < least[p] ? taken : least[p];
        }
    for (size_t p = 0; p < n_peaks; p++)
        if (least[p] > 0)
            printf(
                "{\"bench\": \"peak\", \"kernel\": \"%s\", \"gigaoperations_per_second\": %.1f}\n",
                peaks[p].kernel,
                1e-9 * peaks[p].operations_per_turn * (double)peaks[p].turns / least[p]);
    return EXIT_SUCCESS;
}
