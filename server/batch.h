/* batch.h - who waits for the processor, who is next, and who goes together. Policy only: no
 * threads, and the time is what the caller says.
 *
 * Whatever waits stands in a line, ordered by the time at which it is due: live work at once, bulk
 * work `bulk_delay_ms` after it came. So live work goes before bulk, but not before bulk that has
 * waited longer than that: nothing starves.
 *
 * The first in line leads a group, which others join in their order as long as their lengths are
 * near, the group is small enough, and a live group stays live. Utterances are computed without
 * padding, so nearness is not about waste: a short one is ready when the longest is. */
#ifndef SERVER_BATCH_H
#define SERVER_BATCH_H

#include <stdbool.h>
#include <stddef.h>

enum lane { LANE_LIVE, LANE_BULK };

/* A request, as all its work has in common. */
struct ticket {
    enum lane lane;
    double deadline_ms; /* when its work is not worth beginning any more; INFINITY: never */
    bool cancelled;     /* nobody waits for the answer */
};

/* One that stands in a line; the owner keeps it where it is until it is out again. */
struct waiting {
    const struct ticket *ticket;
    size_t frames; /* of an utterance */
    double arrived_ms, due_ms;
    struct waiting *next;
};

struct line {
    struct waiting *first;
    size_t count;
};

struct batch_policy {
    size_t max_count;     /* of a group, 1 to BATCH_MAX */
    size_t max_frames;    /* of a group of more than one */
    double max_ratio;     /* of its longest to its shortest, 1 or more */
    double wait_ms;       /* how long a group that is not full may wait for others */
    double bulk_delay_ms; /* how much later than live work bulk work is due */
};

enum { BATCH_MAX = 64 };

struct group {
    struct waiting *members[BATCH_MAX];
    size_t count, frames;
    bool full;       /* no other could have joined */
    bool due;        /* as its leader is: live, or bulk that has waited its time */
    double ready_ms; /* when it has waited enough; in the past if it is full */
};

/* Sets arrived_ms and due_ms. Among those that are due at once, the order is that of coming. */
void line_join(struct line *line, struct waiting *waiting, const struct batch_policy *policy,
               double now_ms);

/* Takes out one whose request is cancelled or past its deadline; NULL when there is none. */
struct waiting *line_drop(struct line *line, double now_ms);

/* Whether the first in line is due. False for an empty line. */
bool line_is_due(const struct line *line, double now_ms);

/* Who would go now, at most `share` of them (at least 1); count 0 for an empty line. */
void line_group(const struct line *line, const struct batch_policy *policy, size_t share,
                double now_ms, struct group *group);

/* They go: out of the line. */
void line_leave(struct line *line, const struct group *group);

#endif
