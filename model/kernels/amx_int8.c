/* amx_int8.c - int8 with AMX_INT8: TDPBUSD multiplies tiles of bytes and sums them in int32. */
#include "model/kernels/amx.h"

#include "model/kernels/all.h"
#include "model/kernels/prepare.h"

static bool usable(void)
{
    return amx_usable(AMX_HAS_INT8) && __builtin_cpu_supports("avx512vnni");
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
        _tile_dpbusd(0, 4, 5);
        _tile_loadd(5, panel + AMX_BYTES, AMX_STRIDE);
        _tile_dpbusd(1, 4, 5);
        _tile_loadd(5, panel + 2 * AMX_BYTES, AMX_STRIDE);
        _tile_dpbusd(2, 4, 5);
        _tile_loadd(5, panel + 3 * AMX_BYTES, AMX_STRIDE);
        _tile_dpbusd(3, 4, 5);
    }
    _tile_stored(0, sums->exact[0], AMX_BYTES);
    _tile_stored(1, sums->exact[1], AMX_BYTES);
    _tile_stored(2, sums->exact[2], AMX_BYTES);
    _tile_stored(3, sums->exact[3], AMX_BYTES);
}

/* As avx512_vnni.c's tile() ends. */
static inline __m512 gate_of(const struct packed *w, size_t panel, const struct rows *x, size_t row,
                             size_t gate, const union amx_sums *sums, size_t place, __m512 start)
{
    size_t at = panel * AVX512_PANEL + gate * AVX512_LANES;
    __m512i exact = _mm512_add_epi32(_mm512_load_si512(w->offsets + at),
                                     _mm512_load_si512(sums->exact[gate][place]));
    __m512 scale = _mm512_mul_ps(_mm512_set1_ps(x->scales[row]), _mm512_load_ps(w->scales + at));

    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact), scale, start);
}

static void project(const struct packed *w, const struct rows *x, size_t n_rows, const float *bias,
                    float *gates)
{
    const struct amx_walk walk = {.product = product,
                                  .gate = gate_of,
                                  .start = bias,
                                  .gates = gates,
                                  .element_bytes = sizeof(uint8_t)};

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
                                  .element_bytes = sizeof(uint8_t)};

    amx_walk_rows(&walk, w, h_before, n_rows);
}

const struct kernel kernel_amx_int8 = {
    .name = "amx-int8",
    .precision = PRECISION_INT8,
    .lanes = AVX512_LANES,
    .group = 4,
    .depth_multiple = AMX_BYTES,
    .usable = usable,
    .prepare = prepare_int8_avx512,
    .project = project,
    .lstm_step = lstm_step,
};
