#include "server/batch.h"

#include <assert.h>

void line_join(struct line *line, struct waiting *waiting, const struct batch_policy *policy,
               double now_ms)
{
    struct waiting **at = &line->first;

    waiting->arrived_ms = now_ms;
    waiting->due_ms = now_ms + (waiting->ticket->lane == LANE_BULK ? policy->bulk_delay_ms : 0);
    while (*at && (*at)->due_ms <= waiting->due_ms)
        at = &(*at)->next;
    waiting->next = *at;
    *at = waiting;
    line->count++;
}

static struct waiting *take_out(struct line *line, struct waiting **at)
{
    struct waiting *waiting = *at;

    *at = waiting->next;
    waiting->next = NULL;
    line->count--;
    return waiting;
}

struct waiting *line_drop(struct line *line, double now_ms)
{
    for (struct waiting **at = &line->first; *at; at = &(*at)->next) {
        const struct ticket *ticket = (*at)->ticket;
        if (ticket->cancelled || ticket->deadline_ms <= now_ms)
            return take_out(line, at);
    }
    return NULL;
}

bool line_is_due(const struct line *line, double now_ms)
{
    return line->first && line->first->due_ms <= now_ms;
}

/* The lengths of those in a group. */
struct spread {
    size_t shortest, longest;
};

/* Whether `frames` is near enough to all of them; if so, they are widened by it. */
static bool widen(struct spread *spread, size_t frames, double max_ratio)
{
    struct spread wider = {frames < spread->shortest ? frames : spread->shortest,
                           frames > spread->longest ? frames : spread->longest};

    if ((double)wider.longest > max_ratio * (double)wider.shortest)
        return false;
    *spread = wider;
    return true;
}

void line_group(const struct line *line, const struct batch_policy *policy, size_t share,
                double now_ms, struct group *group)
{
    const struct waiting *leader = line->first;

    assert(policy->max_count >= 1 && policy->max_count <= BATCH_MAX && share >= 1);
    *group = (struct group){.due = line_is_due(line, now_ms)};
    if (!leader)
        return;
    struct spread spread = {leader->frames, leader->frames};
    for (struct waiting *w = line->first; w && group->count < policy->max_count; w = w->next) {
        if (group->due && w->due_ms > now_ms)
            break; /* bulk from here on, which would only make the live ones wait for it */
        if (!widen(&spread, w->frames, policy->max_ratio))
            continue;
        if (group->count > 0 && group->frames + w->frames > policy->max_frames) {
            group->full = true;
            break;
        }
        if (group->count == share)
            break; /* the others' share */
        group->members[group->count++] = w;
        group->frames += w->frames;
    }
    group->full |= group->count == policy->max_count || group->frames >= policy->max_frames;
    group->ready_ms = leader->arrived_ms + (group->full ? 0 : policy->wait_ms);
}

void line_leave(struct line *line, const struct group *group)
{
    struct waiting **at = &line->first;

    for (size_t i = 0; i < group->count; i++) {
        while (*at != group->members[i])
            at = &(*at)->next;
        take_out(line, at);
    }
}
