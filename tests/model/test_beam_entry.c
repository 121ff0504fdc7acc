#include "model/beam_entry.h"
#include "model/prefix_tree.h"
#include "tests/support/suite.h"

#define NONE CHAIN_NONE

static const struct fusion_state nothing;
static struct chain_pool tree;
static uint32_t a, ab, abc, b;

static void setup(void)
{
    tree = (struct chain_pool){.item_bytes = sizeof(struct prefix_node)};
    ck_assert_int_eq(chain_pool_grow(&tree, 10, NULL), ASR_OK);
    prefix_tree_start(&tree, &nothing);
    a = prefix_tree_add(&tree, PREFIX_ROOT, 1, &nothing);
    b = prefix_tree_add(&tree, PREFIX_ROOT, 2, &nothing);
    ab = prefix_tree_add(&tree, a, 2, &nothing);
    abc = prefix_tree_add(&tree, ab, 3, &nothing);
}

static void teardown(void)
{
    chain_pool_free(&tree);
}

START_TEST(children_follow_their_parents_into_the_next_beam)
    {
        /* Before: root, "a", "b", "ab". "b" goes, "ba" and "aa" come. */
        static const uint32_t moved[] = {0, 1, NONE, 2};
        struct beam_entry now[] = {
            {.token = NONE, .parent = NONE}, {.token = 1, .parent = 0}, {.token = 2, .parent = 1},
            {.token = 1, .parent = 2},       {.token = 1, .parent = 1},
        };

        beam_entries_link(now, 5, moved);
        ck_assert_uint_eq(now[0].parent, NONE);
        ck_assert_uint_eq(now[1].parent, 0);
        ck_assert_uint_eq(now[2].parent, 1);
        ck_assert_uint_eq(now[3].parent, NONE); /* its parent is gone */
        ck_assert_uint_eq(now[4].parent, 1);
        ck_assert(beam_entry_has_child(now, &now[0], 1));
        ck_assert(!beam_entry_has_child(now, &now[0], 2));
        ck_assert(beam_entry_has_child(now, &now[1], 2));
        ck_assert(beam_entry_has_child(now, &now[1], 1));
        ck_assert(!beam_entry_has_child(now, &now[1], 3));
        ck_assert(!beam_entry_has_child(now, &now[2], 3));
    }
END_TEST

START_TEST(an_entry_that_comes_back_finds_its_children)
    {
        /* "ab" comes back, whose child "abc" had stayed; so does "b", whose child never was. */
        static const uint32_t moved[] = {0, 1, 2};
        struct beam_entry now[] = {
            {.node = PREFIX_ROOT, .token = NONE, .parent = NONE},
            {.node = a, .token = 1, .parent = 0},
            {.node = abc, .token = 3, .parent = NONE},
            {.node = ab, .token = 2, .parent = 1},
            {.node = b, .token = 2, .parent = 0},
        };

        beam_entries_link(now, 5, moved);
        beam_entries_adopt(now, 3, 5, &tree);
        ck_assert_uint_eq(now[2].parent, 3);
        ck_assert(beam_entry_has_child(now, &now[3], 3));
        ck_assert_uint_eq(now[4].first_child, NONE);
    }
END_TEST

START_TEST(what_a_node_knows_of_another_beam_is_not_believed)
    {
        static const uint32_t moved[] = {0, 1};
        struct beam_entry now[] = {
            {.node = PREFIX_ROOT, .token = NONE, .parent = NONE},
            {.node = b, .token = 2, .parent = 0},
            {.node = ab, .token = 2, .parent = NONE},
        };

        prefix_at(&tree, abc)->entry = 1; /* where "b" is now */
        beam_entries_link(now, 3, moved);
        beam_entries_adopt(now, 2, 3, &tree);
        ck_assert_uint_eq(now[1].parent, 0);
        ck_assert_uint_eq(now[2].first_child, NONE);
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("beam_entry");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, children_follow_their_parents_into_the_next_beam);
    tcase_add_test(tc, an_entry_that_comes_back_finds_its_children);
    tcase_add_test(tc, what_a_node_knows_of_another_beam_is_not_believed);
    suite_add_tcase(s, tc);
    return s;
}
