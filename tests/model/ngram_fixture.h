/* ngram_fixture.h - language models from ARPA text, for the tests of model/ngram and model/arpa. */
#ifndef TESTS_MODEL_NGRAM_FIXTURE_H
#define TESTS_MODEL_NGRAM_FIXTURE_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/ngram.h"
#include "model/ngram_build.h"

/* A complete trigram model in as few lines as will do. */
#define TINY_ARPA                                                                                  \
    "\\data\\\nngram 1=5\nngram 2=3\nngram 3=1\n\n"                                                \
    "\\1-grams:\n-2\t<unk>\n-99\t<s>\t-0.5\n-1\t</s>\n-0.75\ta\t-0.25\n-1.5\tb\t-0.125\n\n"        \
    "\\2-grams:\n-0.3\t<s> a\t-0.2\n-0.4\ta b\t-0.1\n-0.6\tb </s>\n\n"                             \
    "\\3-grams:\n-0.05\t<s> a b\n\n\\end\\\n"

/* Writes a file of its own name into `path` (32 bytes). The test unlinks it. */
static inline void write_temp(char *path, const void *bytes, size_t n_bytes)
{
    strcpy(path, "/tmp/scribed-test-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
    close(fd);
}

static inline enum asr_status compile_text(const char *arpa, unsigned bits, uint8_t **image,
                                           size_t *n_bytes, struct asr_error *err)
{
    struct ngram_build_options options = ngram_build_defaults;
    char path[32];

    options.bits = bits;
    write_temp(path, arpa, strlen(arpa));
    enum asr_status st = ngram_build(image, n_bytes, path, &options, err);
    unlink(path);
    return st;
}

/* A model whose bytes the fixture keeps. */
struct compiled {
    struct ngram *lm;
    uint8_t *image;
    size_t n_bytes;
};

static inline void compiled_bind(struct compiled *c, enum asr_status built, struct asr_error *err)
{
    ck_assert_msg(built == ASR_OK, "%s", err->text);
    built = ngram_parse(&c->lm, c->image, c->n_bytes, "image", err);
    ck_assert_msg(built == ASR_OK, "%s", err->text);
}

static inline struct compiled compile(const char *arpa, unsigned bits)
{
    struct compiled c;
    struct asr_error err = {0};
    compiled_bind(&c, compile_text(arpa, bits, &c.image, &c.n_bytes, &err), &err);
    return c;
}

static inline struct compiled compile_file(const char *path, unsigned bits)
{
    struct compiled c;
    struct asr_error err = {0};
    struct ngram_build_options options = ngram_build_defaults;
    options.bits = bits;
    compiled_bind(&c, ngram_build(&c.image, &c.n_bytes, path, &options, &err), &err);
    return c;
}

static inline void compiled_free(struct compiled *c)
{
    ngram_close(c->lm);
    free(c->image);
}

static inline uint32_t word_of(const struct ngram *lm, const char *text)
{
    return ngram_find(lm, text, strlen(text));
}

#endif
