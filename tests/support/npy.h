/* npy.h - reads NumPy's .npy version 1 files of little-endian float32 in C order, as test goldens
 * are. */
#ifndef TESTS_SUPPORT_NPY_H
#define TESTS_SUPPORT_NPY_H

#include <stddef.h>

/* values[rows, cols]; free(values). */
struct npy {
    float *values;
    size_t rows, cols;
};

/* Fails the running test when the file is missing or of another kind. */
struct npy npy_read(const char *path);

/* A whole file, with a 0 behind it; free(). Fails the running test when it cannot be read. */
char *file_read(const char *path, size_t *n_bytes);

#endif
