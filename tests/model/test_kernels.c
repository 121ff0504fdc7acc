/* Every kernel that this machine has, against plain loops in float64; and against itself, in other
 * company. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/count.h"
#include "model/kernels/bf16.h"
#include "model/kernels/kernel.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

/* Around the lanes, tiles and groups of any kernel. */
static const struct shape {
    size_t units, columns;
} shapes[] = {{1, 1}, {5, 3}, {16, 64}, {17, 65}, {33, 7}, {40, 130}, {320, 320}};

enum { MAX_ROWS = 14 };

/* Uniform in [-scale, scale); the same every time. */
static float *noise(size_t count, float scale, unsigned seed)
{
    float *values = malloc(count * sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = scale * ((float)(seed >> 8) * 0x1p-23F - 1);
    }
    return values;
}

/* A product and a step on random numbers, by one kernel: W and U packed for it. */
struct fixture {
    const struct kernel *kernel;
    struct shape shape;
    size_t units_padded, gates_padded;
    float *w, *bias, *x,
        *c; /* W[4 units, columns], bias[4 units], x[rows, columns], c[rows, units] */
    struct packed packed;
    float *packed_bias;
};

static void open_fixture(struct fixture *f, const struct kernel *kernel, struct shape shape)
{
    size_t gates = KERNEL_GATES * shape.units;
    *f = (struct fixture){.kernel = kernel, .shape = shape};
    f->units_padded = kernel_panels(kernel, shape.units) * kernel->lanes;
    f->gates_padded = KERNEL_GATES * f->units_padded;
    f->w = noise(gates * shape.columns, 2 / sqrtf((float)shape.columns), 1);
    f->bias = noise(gates, 1, 2);
    f->x = noise(MAX_ROWS * shape.columns, 3, 3);
    f->c = noise(MAX_ROWS * shape.units, 1, 4);
    ck_assert_int_eq(packed_new(&f->packed, kernel, f->w, shape.units, shape.columns, NULL),
                     ASR_OK);
    ck_assert_int_eq(packed_bias_new(&f->packed_bias, kernel, f->bias, shape.units, NULL), ASR_OK);
}

static void close_fixture(struct fixture *f)
{
    packed_free(&f->packed);
    free(f->packed_bias);
    free(f->w);
    free(f->bias);
    free(f->x);
    free(f->c);
}

struct step {
    float *gates, *c, *h; /* [rows][gates_padded], [rows][units_padded] twice */
};

/* bias + W x, and a step whose recurrent half is W x again, for rows first to first + n. */
static struct step run(const struct fixture *f, size_t first, size_t n)
{
    const struct kernel *kernel = f->kernel;
    struct step out = {kernel_alloc(n, f->gates_padded * sizeof(float)),
                       kernel_alloc(n, f->units_padded * sizeof(float)),
                       kernel_alloc(n, f->units_padded * sizeof(float))};
    struct rows rows;

    ck_assert_int_eq(rows_new(&rows, kernel, &f->packed, n, NULL), ASR_OK);
    for (size_t r = 0; r < n; r++) {
        rows_set(&rows, kernel, r, f->x + (first + r) * f->shape.columns, f->shape.columns);
        memcpy(out.c + r * f->units_padded, f->c + (first + r) * f->shape.units,
               f->shape.units * sizeof(*out.c));
    }
    kernel->project(&f->packed, &rows, n, f->packed_bias, out.gates);
    kernel->lstm_step(&f->packed, &rows, n, n % 2 == 0, out.gates, out.c, out.h);
    rows_free(&rows);
    return out;
}

static void free_step(struct step *step)
{
    free(step->gates);
    free(step->c);
    free(step->h);
}

/* The weights and activations that a precision's definition makes of x (model/kernels/kernel.h). */
static void quantise(double *out, const float *x, size_t count, enum precision precision)
{
    double max = 0;
    for (size_t k = 0; k < count; k++)
        max = fmax(max, fabs((double)x[k]));
    for (size_t k = 0; k < count; k++) {
        if (precision == PRECISION_BF16)
            out[k] = (double)float_from_bf16(bf16_from_float(x[k]));
        else if (precision == PRECISION_INT8)
            out[k] = max > 0 ? nearbyint((double)(x[k] * (127 / (float)max))) * max / 127 : 0;
        else
            out[k] = (double)x[k];
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* One unit of one row in float64: gate[4] after the bias and one product, c and h after the step.
 */
static void reference(const struct fixture *f, enum precision precision, size_t row, size_t unit,
                      double gate[KERNEL_GATES], double *c, double *h)
{
    size_t columns = f->shape.columns;
    double *x = malloc(columns * sizeof(*x)), *w = malloc(columns * sizeof(*w));
    double twice[KERNEL_GATES];

    quantise(x, f->x + row * columns, columns, precision);
    for (size_t g = 0; g < KERNEL_GATES; g++) {
        double sum = 0;
        quantise(w, f->w + (g * f->shape.units + unit) * columns, columns, precision);
        for (size_t k = 0; k < columns; k++)
            sum += w[k] * x[k];
        gate[g] = (double)f->bias[g * f->shape.units + unit] + sum;
        twice[g] = gate[g] + sum;
    }
    *c = sigmoid(twice[1]) * (double)f->c[row * f->shape.units + unit] +
         sigmoid(twice[0]) * tanh(twice[2]);
    *h = sigmoid(twice[3]) * tanh(*c);
    free(x);
    free(w);
}

/* The worst errors of gates and of c and h, with operands rounded as `precision` says. */
static void worst_errors(const struct fixture *f, enum precision precision, double *of_gates,
                         double *of_cells)
{
    struct step have = run(f, 0, MAX_ROWS);
    size_t lanes = f->kernel->lanes;

    *of_gates = *of_cells = 0;
    for (size_t r = 0; r < MAX_ROWS; r++) {
        for (size_t u = 0; u < f->shape.units; u++) {
            double gate[KERNEL_GATES], c, h;
            const float *panel =
                have.gates + r * f->gates_padded + u / lanes * KERNEL_GATES * lanes + u % lanes;
            size_t at = r * f->units_padded + u;
            reference(f, precision, r, u, gate, &c, &h);
            for (size_t g = 0; g < KERNEL_GATES; g++)
                *of_gates = fmax(*of_gates, fabs((double)panel[g * lanes] - gate[g]));
            *of_cells = fmax(*of_cells, fabs((double)have.c[at] - c));
            *of_cells = fmax(*of_cells, fabs((double)have.h[at] - h));
        }
    }
    free_step(&have);
}

static const struct kernel *usable(int i)
{
    return kernels[i]->usable() ? kernels[i] : NULL;
}

/* Operands rounded alike, what remains is float's own rounding: sums of up to 320 products of
 * magnitude up to 6 / sqrt(320), and the cell's functions. */
START_TEST(a_step_is_that_of_float64_on_the_same_operands)
    {
        const struct kernel *kernel = usable(_i);
        for (size_t i = 0; kernel && i < COUNT(shapes); i++) {
            struct fixture f;
            double of_gates, of_cells;
            open_fixture(&f, kernel, shapes[i]);
            worst_errors(&f, kernel->precision, &of_gates, &of_cells);
            ck_assert_msg(of_gates < 2e-5 && of_cells < 1e-5,
                          "%s, %zu units of %zu: gates off by %g, c or h by %g", kernel->name,
                          shapes[i].units, shapes[i].columns, of_gates, of_cells);
            close_fixture(&f);
        }
    }
END_TEST

/* What the precision itself costs a gate, whose sums here have a standard deviation of 2. */
START_TEST(the_error_of_a_precision_stays_in_its_bound)
    {
        static const double bounds[] = {
            [PRECISION_F32] = 2e-5, [PRECISION_BF16] = 4e-2, [PRECISION_INT8] = 8e-2};
        const struct kernel *kernel = usable(_i);
        for (size_t i = 0; kernel && i < COUNT(shapes); i++) {
            struct fixture f;
            double of_gates, of_cells;
            open_fixture(&f, kernel, shapes[i]);
            worst_errors(&f, PRECISION_F32, &of_gates, &of_cells);
            ck_assert_msg(of_gates < bounds[kernel->precision], "%s: gates off by %g", kernel->name,
                          of_gates);
            close_fixture(&f);
        }
    }
END_TEST

START_TEST(a_row_has_the_same_bits_in_any_company)
    {
        const struct kernel *kernel = usable(_i);
        for (size_t i = 0; kernel && i < COUNT(shapes); i++) {
            struct fixture f;
            open_fixture(&f, kernel, shapes[i]);
            for (size_t n = 1; n <= MAX_ROWS; n++) {
                struct step together = run(&f, 0, n);
                for (size_t r = 0; r < n; r++) {
                    struct step alone = run(&f, r, 1);
                    size_t gates = f.gates_padded, units = f.units_padded;
                    ck_assert(!memcmp(together.gates + r * gates, alone.gates, gates * 4));
                    ck_assert(!memcmp(together.c + r * units, alone.c, units * 4));
                    ck_assert(!memcmp(together.h + r * units, alone.h, units * 4));
                    free_step(&alone);
                }
                free_step(&together);
            }
            close_fixture(&f);
        }
    }
END_TEST

/* Weights of nothing leave the gates as they are: the cell by itself, over all that float can say
 * of its functions. */
START_TEST(cells_are_within_5e_7_of_float64)
    {
        const struct kernel *kernel = usable(_i);
        static const float probes[] = {-1e30F, -100, -30, -28, -10, -3, -1, -0.1F, -1e-6F, 0,
                                       1e-6F,  0.1F, 1,   3,   10,  28, 30, 100,   1e30F};
        enum { N = COUNT(probes) };
        struct packed none = {0};
        struct rows rows;
        float zero = 0;

        if (!kernel)
            return;
        ck_assert_int_eq(packed_new(&none, kernel, (float[]){0, 0, 0, 0}, 1, 1, NULL), ASR_OK);
        ck_assert_int_eq(rows_new(&rows, kernel, &none, 1, NULL), ASR_OK);
        rows_set(&rows, kernel, 0, &zero, 1);
        float *gates = kernel_alloc(KERNEL_GATES * kernel->lanes, 4);
        float *c = kernel_alloc(kernel->lanes, 4), *h = kernel_alloc(kernel->lanes, 4);
        for (size_t i = 0; i < N * N * N * N; i++) {
            float gate[KERNEL_GATES] = {probes[i % N], probes[i / N % N], probes[i / N / N % N],
                                        probes[i / N / N / N]};
            float before = (float)(i % 7) / 3 - 1;
            for (size_t g = 0; g < KERNEL_GATES; g++)
                gates[g * kernel->lanes] = gate[g];
            c[0] = before;
            kernel->lstm_step(&none, &rows, 1, false, gates, c, h);
            double want_c = sigmoid((double)gate[1]) * (double)before +
                            sigmoid((double)gate[0]) * tanh((double)gate[2]);
            double want_h = sigmoid((double)gate[3]) * tanh(want_c);
            ck_assert_double_lt(fabs((double)c[0] - want_c), 5e-7);
            ck_assert_double_lt(fabs((double)h[0] - want_h), 5e-7);
        }
        free(gates);
        free(c);
        free(h);
        rows_free(&rows);
        packed_free(&none);
    }
END_TEST

/* The sums are exact, and what is done with them is the same: to the bit, before the cells. */
START_TEST(kernels_of_int8_agree_in_every_bit_of_a_product)
    {
        const struct kernel *plain;
        ck_assert_int_eq(kernel_choose(&plain, PRECISION_INT8, 0, "portable-int8", NULL), ASR_OK);
        for (size_t k = 0; k < n_kernels; k++) {
            if (kernels[k]->precision != PRECISION_INT8 || !kernels[k]->usable())
                continue;
            for (size_t i = 0; i < COUNT(shapes); i++) {
                struct fixture a, b;
                open_fixture(&a, plain, shapes[i]);
                open_fixture(&b, kernels[k], shapes[i]);
                ck_assert_uint_eq(a.kernel->lanes, b.kernel->lanes);
                struct step x = run(&a, 0, MAX_ROWS), y = run(&b, 0, MAX_ROWS);
                ck_assert(!memcmp(x.gates, y.gates, MAX_ROWS * a.gates_padded * 4));
                free_step(&x);
                free_step(&y);
                close_fixture(&a);
                close_fixture(&b);
            }
        }
    }
END_TEST

/* Weights of all kinds that half precision has, subnormal ones too; then one that it has not. */
START_TEST(weights_kept_as_halves_change_no_bit)
    {
        static const float odd[] = {0x1.001p0F, 65536, 0x1p-25F, NAN, INFINITY};
        const struct kernel *kernel = usable(_i);
        if (!kernel || !kernel->reads_halves)
            return;
        struct kernel floats = *kernel;
        floats.reads_halves = false;
        size_t count = KERNEL_GATES * 17 * 65;
        float *w = noise(count, 1, 5), *x = noise(65, 3, 6);
        for (size_t k = 0; k < count; k++)
            w[k] = ldexpf(truncf(w[k] * 1024), (int)(k % 26) - 24);
        w[3] = 65504;
        struct packed a, b;
        struct rows rows;
        ck_assert_int_eq(packed_new(&a, kernel, w, 17, 65, NULL), ASR_OK);
        ck_assert_int_eq(packed_new(&b, &floats, w, 17, 65, NULL), ASR_OK);
        ck_assert(a.halves && !b.halves);
        ck_assert_int_eq(rows_new(&rows, kernel, &a, 1, NULL), ASR_OK);
        rows_set(&rows, kernel, 0, x, 65);
        size_t bytes = a.panels * KERNEL_GATES * kernel->lanes * sizeof(float);
        float *zeros = kernel_alloc(1, bytes), *of_a = kernel_alloc(1, bytes),
              *of_b = kernel_alloc(1, bytes);
        kernel->project(&a, &rows, 1, zeros, of_a);
        kernel->project(&b, &rows, 1, zeros, of_b);
        ck_assert(!memcmp(of_a, of_b, bytes));
        packed_free(&a);
        packed_free(&b);
        for (size_t k = 0; k < COUNT(odd); k++) {
            w[count - 1] = odd[k];
            ck_assert_int_eq(packed_new(&a, kernel, w, 17, 65, NULL), ASR_OK);
            ck_assert(!a.halves);
            packed_free(&a);
        }
        rows_free(&rows);
        free(zeros);
        free(of_a);
        free(of_b);
        free(w);
        free(x);
    }
END_TEST

START_TEST(a_row_of_zeros_is_a_row_of_zeros)
    {
        const struct kernel *kernel = usable(_i);
        struct fixture f;
        if (!kernel)
            return;
        open_fixture(&f, kernel, shapes[3]);
        memset(f.x, 0, MAX_ROWS * f.shape.columns * sizeof(*f.x));
        struct step have = run(&f, 0, 2);
        ck_assert(!memcmp(have.gates, f.packed_bias, f.gates_padded * 4));
        free_step(&have);
        close_fixture(&f);
    }
END_TEST

START_TEST(auto_takes_only_what_is_trusted)
    {
        const struct kernel *kernel;
        ck_assert_int_eq(kernel_choose(&kernel, PRECISION_AUTO, 0, "", NULL), ASR_OK);
        ck_assert_int_eq(kernel->precision, PRECISION_F32);
        ck_assert_int_eq(kernel_choose(&kernel, PRECISION_AUTO, 1U << PRECISION_BF16, "", NULL),
                         ASR_OK);
        ck_assert_int_ne(kernel->precision, PRECISION_INT8);
        for (enum precision p = PRECISION_F32; p <= PRECISION_INT8; p++) {
            ck_assert_int_eq(kernel_choose(&kernel, p, 0, "", NULL), ASR_OK);
            ck_assert_int_eq(kernel->precision, p);
            ck_assert_int_eq(precision_by_name(precision_name(p)), p);
        }
        ck_assert_int_eq(precision_by_name("f16"), PRECISION_AUTO);
    }
END_TEST

START_TEST(a_kernel_that_is_not_there_is_refused_with_those_that_are)
    {
        const struct kernel *kernel;
        struct asr_error err = {ASR_OK, ""};
        ck_assert_int_eq(kernel_choose(&kernel, PRECISION_AUTO, 0, "portable-f32", NULL), ASR_OK);
        ck_assert_str_eq(kernel->name, "portable-f32");
        ck_assert_int_eq(kernel_choose(&kernel, PRECISION_INT8, 0, "portable-f32", &err),
                         ASR_ERR_INVALID);
        ck_assert_ptr_null(kernel);
        ck_assert_msg(strstr(err.text, "portable-int8") != NULL, "%s", err.text);
        ck_assert_int_eq(kernel_choose(&kernel, PRECISION_AUTO, 0, "neon", &err), ASR_ERR_INVALID);
        ck_assert_msg(strstr(err.text, "'neon'") != NULL, "%s", err.text);
    }
END_TEST

START_TEST(every_allocation_may_fail)
    {
        const struct kernel *kernel = usable(_i);
        static const float w[KERNEL_GATES * 2 * 3] = {1, 2, 3};
        enum asr_status st;
        long nth = 0;
        if (!kernel)
            return;
        do {
            struct packed packed = {0};
            struct rows rows = {0};
            float *bias = NULL;
            fail_alloc(nth++);
            st = packed_new(&packed, kernel, w, 2, 3, NULL);
            if (st == ASR_OK)
                st = packed_bias_new(&bias, kernel, w, 2, NULL);
            if (st == ASR_OK)
                st = rows_new(&rows, kernel, &packed, 2, NULL);
            fail_alloc(-1);
            rows_free(&rows);
            packed_free(&packed);
            free(bias);
        } while (st == ASR_ERR_NOMEM);
        ck_assert_int_eq(st, ASR_OK);
        ck_assert_int_eq(nth, kernel->precision == PRECISION_INT8 ? 7 : 5);
    }
END_TEST

START_TEST(sizes_that_overflow_are_no_memory)
    {
        ck_assert_ptr_null(kernel_alloc(SIZE_MAX / 2, 3));
        ck_assert_ptr_null(kernel_alloc(SIZE_MAX, 1));
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kernels");
    TCase *each = tcase_create("each kernel"), *choice = tcase_create("choice");
    tcase_set_timeout(each, 300);
    tcase_add_loop_test(each, a_step_is_that_of_float64_on_the_same_operands, 0, (int)n_kernels);
    tcase_add_loop_test(each, the_error_of_a_precision_stays_in_its_bound, 0, (int)n_kernels);
    tcase_add_loop_test(each, a_row_has_the_same_bits_in_any_company, 0, (int)n_kernels);
    tcase_add_loop_test(each, cells_are_within_5e_7_of_float64, 0, (int)n_kernels);
    tcase_add_loop_test(each, weights_kept_as_halves_change_no_bit, 0, (int)n_kernels);
    tcase_add_loop_test(each, a_row_of_zeros_is_a_row_of_zeros, 0, (int)n_kernels);
    tcase_add_loop_test(each, every_allocation_may_fail, 0, (int)n_kernels);
    suite_add_tcase(s, each);
    tcase_add_test(choice, kernels_of_int8_agree_in_every_bit_of_a_product);
    tcase_add_test(choice, auto_takes_only_what_is_trusted);
    tcase_add_test(choice, a_kernel_that_is_not_there_is_refused_with_those_that_are);
    tcase_add_test(choice, sizes_that_overflow_are_no_memory);
    suite_add_tcase(s, choice);
    return s;
}
