/* shipped_fbank.h - the features of model/en/config.json, for tests and benchmarks of audio/, which
 * cannot read it. */
#ifndef TESTS_SUPPORT_SHIPPED_FBANK_H
#define TESTS_SUPPORT_SHIPPED_FBANK_H

#include "audio/fbank.h"

static const struct fbank_config shipped_fbank = {
    .sample_rate_hz = 16000,
    .sample_scale = 32768.0,
    .frame_length_ms = 25,
    .frame_shift_ms = 10,
    .num_mel_bins = 80,
    .low_freq_hz = 20,
    .high_freq_hz = 8000,
    .preemphasis = 0.97,
    .window = WINDOW_POVEY,
    .remove_dc_offset = true,
    .power = true,
    .fft_size = 512,
    .log_floor = 1.1920929e-07,
};

#endif
