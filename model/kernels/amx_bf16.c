/* amx_bf16.c - bfloat16 with AMX_BF16: TDPBF16PS multiplies tiles of pairs and sums them in float.
 */
#include "model/kernels/amx.h"

#include "model/kernels/all.h"
#include "model/kernels/prepare.h"

static bool usable(void)
{
    return amx_usable(AMX_HAS_BF16) && __builtin_cpu_supports("avx512bf16");
}

static void product(const char *panel, const char *activations, size_t row_bytes,
                    union amx_sums *sums)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t k = 0; k < row_bytes; k += AMX_BYTES, panel += AMX_ROWS * AMX_STRIDE) {
        _tile_loadd(4, activations + k, row_bytes);
        _tile_loadd(5, panel, AMX_STRIDE);
        _tile_dpbf16ps(0, 4, 5);
        _tile_loadd(5, panel + AMX_BYTES, AMX_STRIDE);
        _tile_dpbf16ps(1, 4, 5);
        _tile_loadd(5, panel + 2 * AMX_BYTES, AMX_STRIDE);
        _tile_dpbf16ps(2, 4, 5);
        _tile_loadd(5, panel + 3 * AMX_BYTES, AMX_STRIDE);
        _tile_dpbf16ps(3, 4, 5);
    }
    _tile_stored(0, sums->rounded[0], AMX_BYTES);
    _tile_stored(1, sums->rounded[1], AMX_BYTES);
    _tile_stored(2, sums->rounded[2], AMX_BYTES);
    _tile_stored(3, sums->rounded[3], AMX_BYTES);
}

static inline __m512 gate_of(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                             size_t gate, const union amx_sums *sums, size_t place, __m512 start)
{
    (void)w;
    (void)panel;
    (void)x;
    (void)row;
    return _mm512_add_ps(start, _mm512_load_ps(sums->rounded[gate][place]));
}

static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    const struct amx_walk walk = {.product = product,
                                  .gate = gate_of,
                                  .start = bias,
                                  .gates = gates,
                                  .element_bytes = sizeof(uint16_t)};

    amx_walk_rows(&walk, w, x, n_rows);
}

static void lstm_step(const struct packed *w, const struct rows *h_before, size_t n_rows,
                      bool backwards, const float *gates, float *c, float *h)
{
    const struct amx_walk walk = {.product = product,
                                  .gate = gate_of,
                                  .start = gates,
                                  .start_stride = w->panels * AVX512_PANEL,
                                  .c = c,
                                  .h = h,
                                  .backwards = backwards,
                                  .element_bytes = sizeof(uint16_t)};

    amx_walk_rows(&walk, w, h_before, n_rows);
}

const struct kernel kernel_amx_bf16 = {
    .name = "amx-bf16",
    .precision = PRECISION_BF16,
    .lanes = AVX512_LANES,
    .group = 2,
    .depth_multiple = AMX_BYTES / 2,
    .usable = usable,
    .prepare = prepare_bf16_avx512,
    .project = project,
    .lstm_step = lstm_step,
};
