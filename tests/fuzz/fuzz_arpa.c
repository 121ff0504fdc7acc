/* fuzz_arpa.c - any bytes as an ARPA file: refused, or compiled into a model that opens. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/ngram.h"
#include "model/ngram_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct ngram_build_options options = ngram_build_defaults;
    struct asr_error err;
    struct ngram *lm;
    uint8_t *image;
    size_t n_image;
    char path[64];
    int fd = memfd_create("arpa", MFD_CLOEXEC);

    if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    options.bits = n_bytes % 2 ? 32 : 3;
    if (ngram_build(&image, &n_image, path, &options, &err) == ASR_OK) {
        if (ngram_parse(&lm, image, n_image, "image", &err) != ASR_OK)
            abort(); /* our own compiler's work must pass our own check */
        struct ngram_state state = ngram_start(lm);
        for (uint32_t word = 0; word < ngram_words(lm); word++)
            ngram_score(lm, state, word, &state);
        ngram_close(lm);
    }
    free(image);
    close(fd);
    return 0;
}
