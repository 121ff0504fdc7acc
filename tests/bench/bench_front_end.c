/* bench_front_end - audio seconds per CPU second of the front end, one thread, ten minutes of
 * noise: features alone from 16 kHz, and the whole way from stereo PCM of 44.1 kHz. One JSON
 * object a line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/front_end.h"
#include "tests/support/shipped_fbank.h"

enum { SECONDS = 600, RATE_HZ = 16000, CD_RATE_HZ = 44100, CD_CHANNELS = 2 };

static const struct decode_limits limits = {.max_seconds = SECONDS,
                                            .min_rate_hz = 4000,
                                            .max_rate_hz = 192000,
                                            .max_channels = CD_CHANNELS,
                                            .max_decoded_bytes = UINT64_C(1) << 30};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum asr_status measure(const char *stage, const struct fbank *fb, unsigned rate_hz,
                               unsigned channels, struct asr_error *err)
{
    struct raw_format raw = {RAW_PCM_S16LE, rate_hz, channels};
    size_t n_bytes = (size_t)SECONDS * rate_hz * channels * sizeof(int16_t);
    struct front_end_work *work = NULL;
    struct features out = {0};
    unsigned char *bytes = malloc(n_bytes);
    enum asr_status st = front_end_work_new(&work, fb, channels, err);

    if (!bytes)
        st = asr_fail(err, ASR_ERR_NOMEM, "out of memory");
    if (st != ASR_OK)
        goto done;
    unsigned random = 1;
    for (size_t i = 0; i < n_bytes; i++) {
        random = random * 1664525U + 1013904223U;
        bytes[i] = (unsigned char)(random >> 24);
    }
    double start = cpu_seconds();
    st = front_end_extract(fb, work, bytes, n_bytes, &raw, CHANNEL_MIX, &limits, &out, err);
    double spent = cpu_seconds() - start;
    if (st == ASR_OK)
        printf("{\"bench\":\"front_end\",\"stage\":\"%s\",\"frames\":%zu,"
               "\"audio_seconds_per_cpu_second\":%.0f}\n",
               stage, out.frames, SECONDS / spent);

done:
    features_free(&out);
    front_end_work_free(work);
    free(bytes);
    return st;
}

int main(void)
{
    struct asr_error err = {0};
    struct fbank *fb = NULL;
    enum asr_status st = fbank_new(&fb, &shipped_fbank, &err);

    if (st == ASR_OK)
        st = measure("pcm 16 kHz mono to features", fb, RATE_HZ, 1, &err);
    if (st == ASR_OK)
        st = measure("pcm 44.1 kHz stereo, mixed and resampled, to features", fb, CD_RATE_HZ,
                     CD_CHANNELS, &err);
    if (st != ASR_OK)
        fprintf(stderr, "bench_front_end: %s\n", err.text);
    fbank_free(fb);
    return st == ASR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
