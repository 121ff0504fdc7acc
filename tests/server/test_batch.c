/* Who is next and who goes together, at times that the tests choose. */
#include <math.h>
#include <string.h>

#include "server/batch.h"
#include "tests/support/suite.h"

enum { N = 8 };

static const struct batch_policy policy = {
    .max_count = 4, .max_frames = 1000, .max_ratio = 2, .wait_ms = 5, .bulk_delay_ms = 100};
static struct ticket live, bulk;
static struct line line;
static struct waiting w[N];

static void reset(void)
{
    live = (struct ticket){LANE_LIVE, INFINITY, false};
    bulk = (struct ticket){LANE_BULK, INFINITY, false};
    line = (struct line){NULL, 0};
    memset(w, 0, sizeof(w));
}

static void join(size_t i, const struct ticket *ticket, size_t frames, double now_ms)
{
    w[i].ticket = ticket;
    w[i].frames = frames;
    line_join(&line, &w[i], &policy, now_ms);
}

static struct group group_at(double now_ms, size_t share)
{
    struct group group;
    line_group(&line, &policy, share, now_ms, &group);
    return group;
}

/* `members` by their index in w[], as digits. */
static void assert_group(const struct group *group, const char *members)
{
    ck_assert_uint_eq(group->count, strlen(members));
    for (size_t i = 0; i < group->count; i++)
        ck_assert_ptr_eq(group->members[i], &w[members[i] - '0']);
}

/* Groups go until nobody is left. */
static void assert_order(double now_ms, size_t share, const char *const *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct group group = group_at(now_ms, share);
        assert_group(&group, groups[i]);
        line_leave(&line, &group);
    }
    ck_assert_uint_eq(line.count, 0);
    ck_assert_ptr_null(line.first);
}

START_TEST(an_empty_line_gives_nobody)
    {
        struct group group = group_at(0, 1);
        ck_assert_uint_eq(group.count, 0);
        ck_assert(!group.full && !group.due && !line_is_due(&line, 0));
        ck_assert_ptr_null(line_drop(&line, INFINITY));
    }
END_TEST

START_TEST(they_go_in_the_order_of_their_coming_as_many_as_may)
    {
        static const char *const groups[] = {"0123", "45"};
        for (size_t i = 0; i < 6; i++)
            join(i, &live, 100, 1.0 * (double)(i / 2));
        assert_order(3, N, groups, COUNT(groups));
    }
END_TEST

START_TEST(live_goes_before_bulk_and_not_with_it)
    {
        static const char *const groups[] = {"13", "02"};
        join(0, &bulk, 100, 0);
        join(1, &live, 100, 1);
        join(2, &bulk, 100, 2);
        join(3, &live, 100, 3);
        struct group group = group_at(3, N);
        ck_assert(group.due);
        line_leave(&line, &group);
        assert_group(&group, groups[0]);
        group = group_at(3, N);
        ck_assert(!group.due);
        assert_order(3, N, groups + 1, 1);
    }
END_TEST

/* With a live one at every millisecond, bulk would never come if live were always first. */
START_TEST(bulk_that_has_waited_its_time_goes_before_live_that_came_after)
    {
        struct group group;
        double now_ms = 0;

        join(7, &bulk, 100, now_ms);
        do {
            now_ms += 1;
            join(0, &live, 100, now_ms);
            group = group_at(now_ms, 1);
            line_leave(&line, &group);
        } while (group.members[0] == &w[0] && now_ms < 1000);
        assert_group(&group, "7");
        ck_assert_double_eq(now_ms, 100);
    }
END_TEST

START_TEST(lengths_in_a_group_are_near_each_other)
    {
        /* 0 leads. 1 is twice as long, 2 more than twice; 3 is short beside 1 but not beside 0. */
        static const char *const groups[] = {"014", "2", "3"};
        join(0, &live, 100, 0);
        join(1, &live, 200, 0);
        join(2, &live, 201, 0);
        join(3, &live, 50, 0);
        join(4, &live, 100, 0);
        assert_order(0, N, groups, COUNT(groups));
    }
END_TEST

START_TEST(a_group_has_a_bounded_number_of_frames_and_keeps_the_order)
    {
        static const char *const groups[] = {"0", "1", "23"};
        join(0, &live, 600, 0);
        join(1, &live, 600, 0);
        join(2, &live, 500, 0);
        join(3, &live, 500, 0);
        ck_assert(group_at(0, N).full);
        assert_order(0, N, groups, COUNT(groups));
    }
END_TEST

START_TEST(one_that_is_longer_than_a_group_may_be_goes_alone)
    {
        static const char *const groups[] = {"0", "1"};
        join(0, &live, 5000, 0);
        join(1, &live, 4000, 0);
        struct group group = group_at(0, N);
        ck_assert(group.full);
        ck_assert_double_le(group.ready_ms, 0);
        assert_order(0, N, groups, COUNT(groups));
    }
END_TEST

START_TEST(a_share_leaves_the_rest_to_others)
    {
        static const char *const groups[] = {"01", "23"};
        for (size_t i = 0; i < 4; i++)
            join(i, &live, 100, 0);
        struct group group = group_at(0, 2);
        ck_assert(!group.full);
        assert_order(0, 2, groups, COUNT(groups));
    }
END_TEST

START_TEST(a_group_waits_from_its_leaders_coming_and_a_full_one_does_not)
    {
        join(0, &live, 100, 10);
        join(1, &live, 100, 12);
        ck_assert_double_eq(group_at(12, N).ready_ms, 15);
        join(2, &live, 100, 13);
        join(3, &live, 100, 14);
        ck_assert_double_le(group_at(14, N).ready_ms, 14);
    }
END_TEST

START_TEST(who_is_cancelled_or_too_late_is_dropped_and_nobody_else)
    {
        static const char *const left[] = {"03"};
        struct ticket late = {LANE_LIVE, 20, false}, cancelled = {LANE_BULK, INFINITY, false};
        join(0, &live, 100, 0);
        join(1, &late, 100, 0);
        join(2, &cancelled, 100, 0);
        join(3, &live, 100, 0);
        ck_assert_ptr_null(line_drop(&line, 19.9));
        ck_assert_ptr_eq(line_drop(&line, 20), &w[1]);
        ck_assert_ptr_null(line_drop(&line, 20));
        cancelled.cancelled = true;
        ck_assert_ptr_eq(line_drop(&line, 20), &w[2]);
        ck_assert_ptr_null(line_drop(&line, 20));
        assert_order(20, N, left, COUNT(left));
    }
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("batch");
    TCase *tc = tcase_create("policy");

    tcase_add_checked_fixture(tc, reset, NULL);
    tcase_add_test(tc, an_empty_line_gives_nobody);
    tcase_add_test(tc, they_go_in_the_order_of_their_coming_as_many_as_may);
    tcase_add_test(tc, live_goes_before_bulk_and_not_with_it);
    tcase_add_test(tc, bulk_that_has_waited_its_time_goes_before_live_that_came_after);
    tcase_add_test(tc, lengths_in_a_group_are_near_each_other);
    tcase_add_test(tc, a_group_has_a_bounded_number_of_frames_and_keeps_the_order);
    tcase_add_test(tc, one_that_is_longer_than_a_group_may_be_goes_alone);
    tcase_add_test(tc, a_share_leaves_the_rest_to_others);
    tcase_add_test(tc, a_group_waits_from_its_leaders_coming_and_a_full_one_does_not);
    tcase_add_test(tc, who_is_cancelled_or_too_late_is_dropped_and_nobody_else);
    suite_add_tcase(s, tc);
    return s;
}
