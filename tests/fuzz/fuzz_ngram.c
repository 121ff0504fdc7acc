/* fuzz_ngram.c - any bytes as a compiled language model, the length and the checksum made right so
 * that what is behind them is reached: refused, or every query stays inside the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/ngram_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void query(const struct ngram *lm)
{
    struct ngram_state state = ngram_start(lm);
    uint32_t words = ngram_words(lm), step = words / 64 + 1;

    for (uint32_t first = 0; first < words; first += step)
        for (uint32_t second = 0; second < words; second += step) {
            ngram_score(lm, state, first, &state);
            ngram_score(lm, state, second, &state);
            size_t n_bytes;
            const char *text = ngram_text(lm, second, &n_bytes);
            if (ngram_find(lm, text, n_bytes) != second)
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct ngram_header header;
    struct asr_error err;
    struct ngram *lm;

    if (n_bytes < NGRAM_HEADER_BYTES)
        return 0;
    uint8_t *image = malloc(n_bytes);
    if (!image)
        return 0;
    memcpy(image, bytes, n_bytes);
    if (ngram_header_read(&header, image, "image", &err) == ASR_OK) {
        header.file_bytes = n_bytes;
        ngram_header_write(&header, image);
        header.checksum = ngram_checksum(image, n_bytes);
        ngram_header_write(&header, image);
        if (ngram_parse(&lm, image, n_bytes, "image", &err) == ASR_OK) {
            query(lm);
            ngram_close(lm);
        }
    }
    free(image);
    return 0;
}
