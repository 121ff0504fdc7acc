#include "tests/support/npy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *file_read(const char *path, size_t *n_bytes)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: cannot be opened", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    ck_assert_int_ge(size, 0);
    rewind(f);
    char *bytes = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, f), (size_t)size);
    bytes[size] = '\0';
    fclose(f);
    if (n_bytes)
        *n_bytes = (size_t)size;
    return bytes;
}

struct npy npy_read(const char *path)
{
    enum { PREAMBLE = 10 }; /* magic, version, header length */
    struct npy out = {0};
    size_t n_bytes;
    char *bytes = file_read(path, &n_bytes);

    ck_assert_msg(n_bytes > PREAMBLE && memcmp(bytes, "\x93NUMPY\x01\x00", 8) == 0,
                  "%s: not .npy version 1", path);
    size_t header_bytes = (unsigned char)bytes[8] | (size_t)(unsigned char)bytes[9] << 8;
    const char *header = bytes + PREAMBLE;
    ck_assert_ptr_nonnull(strstr(header, "'<f4'"));
    ck_assert_ptr_nonnull(strstr(header, "'fortran_order': False"));
    const char *shape = strstr(header, "'shape': (");
    ck_assert_ptr_nonnull(shape);
    ck_assert_int_eq(sscanf(shape, "'shape': (%zu, %zu)", &out.rows, &out.cols), 2);
    size_t data_bytes = out.rows * out.cols * sizeof(float);
    ck_assert_uint_eq(n_bytes, PREAMBLE + header_bytes + data_bytes);
    out.values = malloc(data_bytes);
    ck_assert_ptr_nonnull(out.values);
    memcpy(out.values, header + header_bytes, data_bytes);
    free(bytes);
    return out;
}
