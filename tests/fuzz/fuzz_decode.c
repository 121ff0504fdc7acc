/* fuzz_decode.c - any bytes as an audio file: refused, or samples that keep decode.h's promises.
 * The same bytes are then read as headerless audio of the encoding that their first byte picks. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "audio/decode.h"

enum { MAX_CHANNELS = 8, BLOCK_FRAMES = 1024, MAX_SECONDS = 30 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void decode(const uint8_t *bytes, size_t n_bytes, const struct raw_format *raw)
{
    static const struct decode_limits limits = {.max_seconds = MAX_SECONDS,
                                                .min_rate_hz = 4000,
                                                .max_rate_hz = 48000,
                                                .max_channels = MAX_CHANNELS,
                                                .max_decoded_bytes = 16 << 20};
    static float block[BLOCK_FRAMES * MAX_CHANNELS];
    struct asr_error err = {0};
    struct decoder *dec;
    size_t frames, total = 0;
    enum asr_status st = decoder_open(&dec, bytes, n_bytes, raw, &limits, &err);

    if ((st == ASR_OK) != (dec != NULL) || (st != ASR_OK && !err.text[0]))
        abort();
    if (st != ASR_OK)
        return;
    const struct audio_info *info = decoder_info(dec);
    if (info->rate_hz < limits.min_rate_hz || info->rate_hz > limits.max_rate_hz ||
        info->channels == 0 || info->channels > MAX_CHANNELS || !info->container)
        abort();
    do {
        st = decoder_read(dec, block, BLOCK_FRAMES, &frames, &err);
        if (frames > BLOCK_FRAMES || (st != ASR_OK && frames > 0))
            abort();
        for (size_t i = 0; i < frames * info->channels; i++)
            if (!(fabsf(block[i]) <= 1.0f))
                abort();
        total += frames;
    } while (st == ASR_OK && frames > 0);
    if (total > (size_t)MAX_SECONDS * info->rate_hz || (st == ASR_OK && total == 0))
        abort();
    decoder_close(dec);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    decode(bytes, n_bytes, NULL);
    if (n_bytes > 0) {
        struct raw_format raw = {.encoding = RAW_PCM_S16LE + bytes[0] % RAW_ALAW,
                                 .rate_hz = 8000,
                                 .channels = 1 + bytes[0] / 64};
        decode(bytes, n_bytes, &raw);
    }
    return 0;
}
