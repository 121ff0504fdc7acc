#include <stdlib.h>

#include "model/prefix_tree.h"
#include "tests/support/alloc_fault.h"
#include "tests/support/suite.h"

static const struct fusion_state nothing;
static struct chain_pool tree;

static void setup(void)
{
    tree = (struct chain_pool){.item_bytes = sizeof(struct prefix_node)};
    ck_assert_int_eq(chain_pool_grow(&tree, 10, NULL), ASR_OK);
    prefix_tree_start(&tree, &nothing);
}

static void teardown(void)
{
    chain_pool_free(&tree);
}

START_TEST(a_child_is_found_by_its_token)
    {
        uint32_t a = prefix_tree_add(&tree, PREFIX_ROOT, 7, &nothing);
        uint32_t b = prefix_tree_add(&tree, PREFIX_ROOT, 8, &nothing);
        uint32_t ab = prefix_tree_add(&tree, a, 8, &nothing);

        ck_assert_uint_eq(prefix_tree_find(&tree, PREFIX_ROOT, 7), a);
        ck_assert_uint_eq(prefix_tree_find(&tree, PREFIX_ROOT, 8), b);
        ck_assert_uint_eq(prefix_tree_find(&tree, a, 8), ab);
        ck_assert_uint_eq(prefix_tree_find(&tree, b, 8), CHAIN_NONE);
        ck_assert_uint_eq(prefix_tree_find(&tree, PREFIX_ROOT, 9), CHAIN_NONE);
    }
END_TEST

START_TEST(a_collection_keeps_what_is_marked_and_all_that_it_leads_to)
    {
        uint32_t children[4], grandchildren[4];

        for (uint32_t i = 0; i < 4; i++) {
            children[i] = prefix_tree_add(&tree, PREFIX_ROOT, i, &nothing);
            grandchildren[i] = prefix_tree_add(&tree, children[i], 9, &nothing);
        }
        uint32_t n_free = tree.n_free;
        chain_pool_begin_marking(&tree);
        chain_pool_mark(&tree, PREFIX_ROOT);
        chain_pool_mark(&tree, grandchildren[0]);
        chain_pool_mark(&tree, children[1]);
        chain_pool_mark(&tree, grandchildren[3]);
        chain_pool_mark(&tree, CHAIN_NONE);
        prefix_tree_sweep(&tree);
        ck_assert_uint_eq(tree.n_free, n_free + 3);
        for (uint32_t i = 0; i < 4; i++)
            ck_assert_uint_eq(prefix_tree_find(&tree, PREFIX_ROOT, i),
                              i == 2 ? CHAIN_NONE : children[i]);
        ck_assert_uint_eq(prefix_tree_find(&tree, children[0], 9), grandchildren[0]);
        ck_assert_uint_eq(prefix_tree_find(&tree, children[1], 9), CHAIN_NONE);
        ck_assert_uint_eq(prefix_tree_find(&tree, children[3], 9), grandchildren[3]);
        /* what was freed is taken again */
        uint32_t again = prefix_tree_add(&tree, children[1], 5, &nothing);
        ck_assert(again == children[2] || again == grandchildren[1] || again == grandchildren[2]);
        ck_assert_uint_eq(prefix_tree_find(&tree, children[1], 5), again);
    }
END_TEST

START_TEST(growing_keeps_what_is_there)
    {
        uint32_t child = prefix_tree_add(&tree, PREFIX_ROOT, 3, &nothing);
        uint32_t capacity = tree.capacity;

        fail_alloc(0);
        enum asr_status st = chain_pool_grow(&tree, 2 * capacity, NULL);
        fail_alloc(1);
        enum asr_status second = chain_pool_grow(&tree, 2 * capacity, NULL);
        fail_alloc(-1);
        ck_assert_int_eq(st, ASR_ERR_NOMEM);
        ck_assert_int_eq(second, ASR_ERR_NOMEM);
        ck_assert_uint_eq(tree.capacity, capacity);
        ck_assert_int_eq(chain_pool_grow(&tree, 2 * capacity, NULL), ASR_OK);
        ck_assert_uint_ge(tree.n_free, 2 * capacity);
        for (uint32_t i = 4; i < 4 + 2 * capacity; i++)
            prefix_tree_add(&tree, child, i, &nothing);
        ck_assert_uint_eq(prefix_tree_find(&tree, PREFIX_ROOT, 3), child);
        ck_assert_uint_ne(prefix_tree_find(&tree, child, 4), CHAIN_NONE);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("prefix_tree");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_child_is_found_by_its_token);
    tcase_add_test(tc, a_collection_keeps_what_is_marked_and_all_that_it_leads_to);
    tcase_add_test(tc, growing_keeps_what_is_there);
    suite_add_tcase(s, tc);
    return s;
}
