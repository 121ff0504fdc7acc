/* Every rule of model/FORMAT.md, section model.safetensors. Files are built here from the text of
 * their header, so that each bad one shows what is bad about it. */
#include "model/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* A file in memory that ends where the allocation ends, for AddressSanitizer to watch. */
struct file {
    unsigned char *bytes;
    size_t n_bytes;
};

static struct file make_file(uint64_t header_bytes, const char *header, size_t header_length,
                             const void *data, size_t data_bytes)
{
    struct file f = {malloc(8 + header_length + data_bytes), 8 + header_length + data_bytes};
    for (int i = 0; i < 8; i++)
        f.bytes[i] = (unsigned char)(header_bytes >> 8 * i);
    memcpy(f.bytes + 8, header, header_length);
    if (data)
        memcpy(f.bytes + 8 + header_length, data, data_bytes);
    else
        memset(f.bytes + 8 + header_length, 0, data_bytes);
    return f;
}

/* ' stands for " in headers. */
static struct file file_of(const char *quoted, const void *data, size_t data_bytes)
{
    char header[1024];
    size_t length = strlen(quoted);
    ck_assert_uint_lt(length, sizeof(header));
    for (size_t i = 0; i <= length; i++)
        header[i] = quoted[i] == '\'' ? '"' : quoted[i];
    return make_file(length, header, length, data, data_bytes);
}

static enum asr_status parse(struct safetensors **out, struct file f, struct asr_error *err)
{
    *err = (struct asr_error){ASR_OK, ""};
    return safetensors_parse(out, f.bytes, f.n_bytes, "x.safetensors", err);
}

#define T(dtype, shape, offsets) "{'dtype':" dtype ",'shape':" shape ",'data_offsets':" offsets "}"

static const struct {
    const char *header;
    size_t data_bytes;
} good[] = {
    {"{}", 0},
    {"{}   ", 0},
    {"{'__metadata__':{}}", 0},
    {"{'__metadata__':{'format':'pt','a':''}}", 0},
    {"{'a':" T("'F32'", "[2,3]", "[0,24]") "}", 24},
    {"{'a':" T("'F32'", "[]", "[0,4]") "}", 4},
    {"{'a':" T("'F32'", "[0]", "[0,0]") "}", 0},
    {"{'a':" T("'F32'", "[0,5]", "[4,4]") ",'b':" T("'U8'", "[4]", "[0,4]") "}", 4},
    {"{'z':" T("'U8'", "[3]", "[0,3]") ",'a':" T("'F16'", "[1]", "[3,5]") "}", 5},
    {"{'a':" T("'BOOL'", "[1,1,1,1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1},
    {"{'a':" T("'F64'", "[1]", "[0,8]") ",'b':" T("'C64'", "[1]", "[8,16]") "}", 16},
    {"{'a':" T("'F4'", "[4]", "[0,2]") ",'b':" T("'F6_E2M3'", "[4]", "[2,5]") "}", 5},
    {"{'a':" T("'F8_E4M3'", "[1]", "[0,1]") ",'b':" T("'F8_E5M2'", "[1]", "[1,2]") "}", 2},
    {"{'a':{'dtype':'I8','shape':[1],'data_offsets':[0,1],'note':'ours'}}", 1},
};

START_TEST(a_file_within_the_rules_is_read)
    {
        struct safetensors *st;
        struct asr_error err;
        struct file f = file_of(good[_i].header, NULL, good[_i].data_bytes);
        ck_assert_msg(parse(&st, f, &err) == ASR_OK, "%s", err.text);
        safetensors_close(st);
        free(f.bytes);
    }
END_TEST

static const struct {
    const char *header;
    size_t data_bytes;
    const char *says;
} bad[] = {
    {"", 0, "does not begin with '{'"},
    {" {}", 0, "does not begin with '{'"},
    {"[]", 0, "does not begin with '{'"},
    {"{", 0, "header: "},
    {"{}x", 0, "header: "},
    {"{'a':}", 0, "header: "},
    {"{'\xff':1}", 0, "unable to decode byte"},
    {"{'\xed\xa0\x80':1}", 0, "unable to decode byte"},
    {"{}", 1, "tensors end at 0, the file's data at 1"},
    {"{'a':1}", 0, "'a': its entry is not an object"},
    {"{'__metadata__':1}", 0, "__metadata__ is not an object"},
    {"{'__metadata__':{'n':1}}", 0, "__metadata__.n is not a string"},
    {"{'a':" T("'U8'", "[1]", "[0,1]") ",'a':" T("'U8'", "[1]", "[1,2]") "}", 2, "duplicate"},
    {"{'a':{'dtype':'U8','dtype':'I8','shape':[1],'data_offsets':[0,1]}}", 1, "duplicate"},
    {"{'__metadata__':{'k':'1','k':'2'}}", 0, "duplicate"},
    {"{'a':{'shape':[1],'data_offsets':[0,1]}}", 1, "'a': dtype is not a string"},
    {"{'a':" T("1", "[1]", "[0,1]") "}", 1, "'a': dtype is not a string"},
    {"{'a':" T("'F33'", "[1]", "[0,4]") "}", 4, "'a': unknown dtype 'F33'"},
    {"{'a':" T("'f32'", "[1]", "[0,4]") "}", 4, "'a': unknown dtype 'f32'"},
    {"{'a':{'dtype':'U8','data_offsets':[0,1]}}", 1, "'a': shape is not an array"},
    {"{'a':" T("'U8'", "1", "[0,1]") "}", 1, "'a': shape is not an array"},
    {"{'a':" T("'U8'", "[1.0]", "[0,1]") "}", 1, "'a': shape is not an array of integers"},
    {"{'a':" T("'U8'", "[-1]", "[0,1]") "}", 1, "'a': shape is not an array of integers"},
    {"{'a':" T("'U8'", "[-1,-1]", "[0,1]") "}", 1, "'a': shape is not an array of integers"},
    {"{'a':" T("'U8'", "['1']", "[0,1]") "}", 1, "'a': shape is not an array of integers"},
    {"{'a':" T("'U8'", "[18446744073709551617]", "[0,1]") "}", 1, "too big integer"},
    {"{'a':" T("'U8'", "[4294967296,4294967297]", "[0,1]") "}", 1, "product overflows"},
    {"{'a':" T("'F32'", "[4611686018427387905]", "[0,4]") "}", 4, "x dtype overflows"},
    {"{'a':" T("'F4'", "[3]", "[0,1]") "}", 1, "not a whole number of bytes"},
    {"{'a':{'dtype':'U8','shape':[1]}}", 1, "'a': data_offsets is not two"},
    {"{'a':" T("'U8'", "[1]", "[0]") "}", 1, "'a': data_offsets is not two"},
    {"{'a':" T("'U8'", "[1]", "[0,1,1]") "}", 1, "'a': data_offsets is not two"},
    {"{'a':" T("'U8'", "[1]", "[0,1.0]") "}", 1, "'a': data_offsets is not two"},
    {"{'a':" T("'U8'", "[1]", "[-1,0]") "}", 1, "'a': data_offsets is not two"},
    {"{'a':" T("'U8'", "[1]", "[1,0]") "}", 1, "'a': data_offsets end before they begin"},
    {"{'a':" T("'U8'", "[2]", "[0,2]") "}", 1, "'a': data_offsets reach past the end"},
    {"{'a':" T("'U8'", "[1]", "[9223372036854775806,9223372036854775807]") "}", 1, "past the end"},
    {"{'a':" T("'F32'", "[2]", "[0,4]") "}", 4, "shape x dtype is 8 bytes, data_offsets 4"},
    {"{'a':" T("'F16'", "[1]", "[0,4]") "}", 4, "shape x dtype is 2 bytes, data_offsets 4"},
    {"{'a':" T("'U8'", "[1]", "[1,2]") "}", 2, "'a' begins at 1, leaving a gap"},
    {"{'a':" T("'U8'", "[1]", "[0,1]") ",'b':" T("'U8'", "[1]", "[2,3]") "}", 3,
     "'b' begins at 2, leaving a gap"},
    {"{'a':" T("'U8'", "[2]", "[0,2]") ",'b':" T("'U8'", "[2]", "[1,3]") "}", 3,
     "'b' begins at 1, overlapping"},
    {"{'a':" T("'U8'", "[2]", "[0,2]") ",'b':" T("'U8'", "[2]", "[0,2]") "}", 2, "overlapping"},
    {"{'a':" T("'U8'", "[1]", "[0,1]") "}", 2, "tensors end at 1, the file's data at 2"},
};

START_TEST(a_file_that_breaks_a_rule_is_refused_by_name)
    {
        struct safetensors *st;
        struct asr_error err;
        struct file f = file_of(bad[_i].header, NULL, bad[_i].data_bytes);
        ck_assert_int_eq(parse(&st, f, &err), ASR_ERR_FORMAT);
        ck_assert_ptr_null(st);
        ck_assert_msg(strncmp(err.text, "x.safetensors: ", 15) == 0, "%s", err.text);
        ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s", err.text);
        free(f.bytes);
    }
END_TEST

START_TEST(a_header_length_that_lies_is_refused)
    {
        static const struct {
            uint64_t length;
            const char *says;
        } lies[] = {{3, "header of 3 bytes in a file of 10"},
                    {100000000, "header of 100000000 bytes in a file of 10"},
                    {100000001, "over the limit of 100000000"},
                    {UINT64_MAX, "over the limit of 100000000"},
                    {UINT64_MAX - 7, "over the limit of 100000000"},
                    {0, "does not begin with '{'"},
                    {1, "header: "}};
        struct safetensors *st;
        struct asr_error err;
        struct file f = make_file(lies[_i].length, "{}", 2, NULL, 0);
        ck_assert_int_eq(parse(&st, f, &err), ASR_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, lies[_i].says) != NULL, "%s", err.text);
        free(f.bytes);
    }
END_TEST

START_TEST(a_zero_byte_in_the_header_is_refused)
    {
        struct safetensors *st;
        struct asr_error err;
        struct file f = make_file(3, "{}\0", 3, NULL, 0);
        ck_assert_int_eq(parse(&st, f, &err), ASR_ERR_FORMAT);
        free(f.bytes);
    }
END_TEST

START_TEST(a_truncated_file_is_refused_wherever_it_ends)
    {
        struct file f = file_of("{'a':" T("'F32'", "[2]", "[0,8]") "}", NULL, 8);
        for (size_t n = 0; n < f.n_bytes; n++) {
            struct safetensors *st;
            struct asr_error err;
            struct file cut = {malloc(n + !n), n};
            memcpy(cut.bytes, f.bytes, n);
            ck_assert_int_eq(parse(&st, cut, &err), ASR_ERR_FORMAT);
            free(cut.bytes);
        }
        free(f.bytes);
    }
END_TEST

START_TEST(deep_nesting_is_refused_without_recursion_to_match)
    {
        enum { DEPTH = 1 << 20 };
        static const char *const opening[] = {"[", "{\"a\":"};
        struct safetensors *st;
        struct asr_error err;
        size_t unit = strlen(opening[_i]), length = 5 + DEPTH * unit;
        char *header = malloc(length + 1);
        memcpy(header, "{\"a\":", 5);
        for (size_t i = 0; i < DEPTH; i++)
            memcpy(header + 5 + i * unit, opening[_i], unit);
        struct file f = make_file(length, header, length, NULL, 0);
        ck_assert_int_eq(parse(&st, f, &err), ASR_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, "depth") != NULL, "%s", err.text);
        free(f.bytes);
        free(header);
    }
END_TEST

/* IEEE 754 bit patterns and the values that the standard gives them. */
static const struct {
    const char *dtype;
    unsigned char bytes[4];
    float value;
} numbers[] = {
    {"F32", {0x00, 0x00, 0x80, 0x3f}, 1.0F},
    {"F32", {0xdb, 0x0f, 0x49, 0xc0}, -3.14159274F},
    {"F32", {0x01, 0x00, 0x00, 0x00}, 0x1p-149F},
    {"F16", {0x00, 0x3c}, 1.0F},
    {"F16", {0x00, 0xc0}, -2.0F},
    {"F16", {0x55, 0x35}, 0.333251953125F},
    {"F16", {0xff, 0x7b}, 65504.0F},
    {"F16", {0xff, 0xfb}, -65504.0F},
    {"F16", {0x00, 0x04}, 0x1p-14F},
    {"F16", {0xff, 0x03}, 0x1.ff8p-15F},
    {"F16", {0x01, 0x00}, 0x1p-24F},
    {"F16", {0x01, 0x80}, -0x1p-24F},
    {"F16", {0x00, 0x00}, 0.0F},
    {"F16", {0x00, 0x80}, -0.0F},
    {"BF16", {0x80, 0x3f}, 1.0F},
    {"BF16", {0x49, 0xc0}, -3.140625F},
    {"BF16", {0x01, 0x00}, 0x1p-133F},
    {"BF16", {0x7f, 0x7f}, 0x1.fep127F},
};

/* Behind one byte of something else, so that nothing is aligned. */
static struct file one_number(const char *dtype, const unsigned char *bytes)
{
    char header[256];
    unsigned char data[5] = {0xee};
    size_t width = strcmp(dtype, "F32") == 0 ? 4 : 2;
    memcpy(data + 1, bytes, width);
    snprintf(header, sizeof(header),
             "{'pad':" T("'U8'", "[1]", "[0,1]") ",'w':" T("'%s'", "[1]", "[1,%zu]") "}", dtype,
             1 + width);
    return file_of(header, data, 1 + width);
}

START_TEST(numbers_are_converted_exactly_and_unaligned)
    {
        struct safetensors *st;
        struct asr_error err;
        float *value;
        struct file f = one_number(numbers[_i].dtype, numbers[_i].bytes);
        ck_assert_msg(parse(&st, f, &err) == ASR_OK, "%s", err.text);
        ck_assert_int_eq(safetensors_load_f32(st, "w", 1, (const size_t[]){1}, &value, &err),
                         ASR_OK);
        ck_assert_msg(*value == numbers[_i].value, "%a, not %a", (double)*value,
                      (double)numbers[_i].value);
        ck_assert_int_eq(signbit(*value) != 0, signbit(numbers[_i].value) != 0);
        ck_assert_uint_eq((uintptr_t)value % 64, 0);
        free(value);
        safetensors_close(st);
        free(f.bytes);
    }
END_TEST

START_TEST(a_weight_that_is_not_finite_is_refused_by_its_tensor)
    {
        static const struct {
            const char *dtype;
            unsigned char bytes[4];
        } wild[] = {{"F32", {0, 0, 0x80, 0x7f}}, {"F32", {0, 0, 0xc0, 0xff}},
                    {"F16", {0x00, 0x7c}},       {"F16", {0x01, 0x7c}},
                    {"F16", {0x00, 0xfc}},       {"BF16", {0x80, 0x7f}},
                    {"BF16", {0x81, 0xff}}};
        struct safetensors *st;
        struct asr_error err;
        float *value;
        struct file f = one_number(wild[_i].dtype, wild[_i].bytes);
        ck_assert_msg(parse(&st, f, &err) == ASR_OK, "%s", err.text);
        ck_assert_int_eq(safetensors_load_f32(st, "w", 1, (const size_t[]){1}, &value, &err),
                         ASR_ERR_FORMAT);
        ck_assert_ptr_null(value);
        ck_assert_msg(strstr(err.text, "tensor 'w': element 0 is ") != NULL, "%s", err.text);
        safetensors_close(st);
        free(f.bytes);
    }
END_TEST

START_TEST(a_tensor_asked_for_wrongly_is_refused_by_name)
    {
        static const struct {
            const char *name;
            size_t rank, shape[3];
            const char *says;
        } asked[] = {
            {"b", 1, {2}, "tensor 'b' is missing"},
            {"", 1, {2}, "tensor '' is missing"},
            {"a", 1, {6}, "tensor 'a' has shape [2, 3], expected [6]"},
            {"a", 2, {3, 2}, "tensor 'a' has shape [2, 3], expected [3, 2]"},
            {"a", 3, {2, 3, 1}, "tensor 'a' has shape [2, 3], expected [2, 3, 1]"},
            {"a", 0, {0}, "tensor 'a' has shape [2, 3], expected []"},
            {"i", 1, {1}, "tensor 'i' is I64; weights are F32, F16 or BF16"},
        };
        struct safetensors *st;
        struct asr_error err;
        float *value;
        struct file f =
            file_of("{'a':" T("'F32'", "[2,3]", "[0,24]") ",'i':" T("'I64'", "[1]", "[24,32]") "}",
                    NULL, 32);
        ck_assert_msg(parse(&st, f, &err) == ASR_OK, "%s", err.text);
        ck_assert_int_eq(
            safetensors_load_f32(st, asked[_i].name, asked[_i].rank, asked[_i].shape, &value, &err),
            ASR_ERR_FORMAT);
        ck_assert_ptr_null(value);
        ck_assert_msg(strstr(err.text, asked[_i].says) != NULL, "%s", err.text);
        safetensors_close(st);
        free(f.bytes);
    }
END_TEST

START_TEST(a_shape_is_told)
    {
        struct safetensors *st;
        struct asr_error err;
        size_t shape[2] = {0, 0};
        struct file f = file_of("{'a':" T("'U8'", "[2,3]", "[0,6]") "}", NULL, 6);
        ck_assert_msg(parse(&st, f, &err) == ASR_OK, "%s", err.text);
        ck_assert_int_eq(safetensors_shape(st, "a", 2, shape, &err), ASR_OK);
        ck_assert_uint_eq(shape[0], 2);
        ck_assert_uint_eq(shape[1], 3);
        ck_assert_int_eq(safetensors_shape(st, "a", 1, shape, &err), ASR_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, "'a' has 2 dimensions, expected 1") != NULL, "%s", err.text);
        ck_assert_int_eq(safetensors_shape(st, "b", 1, shape, &err), ASR_ERR_FORMAT);
        safetensors_close(st);
        free(f.bytes);
    }
END_TEST

START_TEST(a_path_that_is_no_file_is_an_io_error_with_the_path)
    {
        static const char *const paths[] = {"tests/data/no-such.safetensors", "tests/data"};
        struct safetensors *st;
        struct asr_error err;
        ck_assert_int_eq(safetensors_open(&st, paths[_i], &err), ASR_ERR_IO);
        ck_assert_ptr_null(st);
        ck_assert_msg(strstr(err.text, paths[_i]) == err.text, "%s", err.text);
    }
END_TEST

START_TEST(an_empty_file_and_a_text_file_are_refused)
    {
        struct safetensors *st;
        struct asr_error err;
        ck_assert_int_eq(safetensors_open(&st, "/dev/null", &err), ASR_ERR_IO);
        ck_assert_int_eq(safetensors_open(&st, "LICENSE", &err), ASR_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, "LICENSE: header of ") == err.text, "%s", err.text);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        struct file f = file_of("{'a':" T("'F32'", "[2]", "[0,8]") "}", NULL, 8);
        struct safetensors *st;
        struct asr_error err;
        enum asr_status status;
        float *values = NULL;
        long nth = 0;
        do {
            fail_alloc(nth++);
            status = parse(&st, f, &err);
            if (status == ASR_OK)
                status = safetensors_load_f32(st, "a", 1, (const size_t[]){2}, &values, &err);
            fail_alloc(-1);
            ck_assert((status == ASR_OK) == (values != NULL));
            safetensors_close(st);
        } while (status == ASR_ERR_NOMEM);
        ck_assert_int_eq(status, ASR_OK);
        ck_assert_int_eq(nth, 4); /* itself, the table, the values; then success */
        free(values);
        free(f.bytes);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("safetensors");
    TCase *tc = tcase_create("safetensors");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_file_within_the_rules_is_read, 0, COUNT(good));
    tcase_add_loop_test(tc, a_file_that_breaks_a_rule_is_refused_by_name, 0, COUNT(bad));
    tcase_add_loop_test(tc, a_header_length_that_lies_is_refused, 0, 7);
    tcase_add_test(tc, a_zero_byte_in_the_header_is_refused);
    tcase_add_test(tc, a_truncated_file_is_refused_wherever_it_ends);
    tcase_add_loop_test(tc, deep_nesting_is_refused_without_recursion_to_match, 0, 2);
    tcase_add_loop_test(tc, numbers_are_converted_exactly_and_unaligned, 0, COUNT(numbers));
    tcase_add_loop_test(tc, a_weight_that_is_not_finite_is_refused_by_its_tensor, 0, 7);
    tcase_add_loop_test(tc, a_tensor_asked_for_wrongly_is_refused_by_name, 0, 7);
    tcase_add_test(tc, a_shape_is_told);
    tcase_add_loop_test(tc, a_path_that_is_no_file_is_an_io_error_with_the_path, 0, 2);
    tcase_add_test(tc, an_empty_file_and_a_text_file_are_refused);
    tcase_add_test(tc, every_allocation_may_fail);
    suite_add_tcase(s, tc);
    return s;
}
