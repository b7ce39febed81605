/* Which job of one queue next, for one worker: seeks in the ready table, no list in memory.
 *
 * The highest priority that has a job for the worker; within it the next group after the one served
 * last (or that one again, as often in a row as its weight says), passing over groups at their
 * limit; within the group the oldest job of a type the worker takes. Where a queue has ageing, the
 * priorities are compared by the job that each would start next, raised by one for each ageing_ms
 * that this job has waited; without an end, so that in time everything comes first. */
#ifndef REEVE_BROKER_CORE_LANE_H
#define REEVE_BROKER_CORE_LANE_H

#include "broker/core/queue.h"

/* What lane_find returns beside 0, 1 and -errno. */
enum { LANE_CUT = 2 };

/* A job found, and whose turn it would be. */
struct lane_found {
    struct uuid job;
    uint64_t effective; /* its priority, with ageing */
    uint64_t at, arrival;
    struct turn *turn;
    size_t group_len;
    char group[GROUP_LEN_MAX];
};

/* Looks for a job for the worker in a queue whose gates are open. `name` is the queue's, or that
 * behind READY_ALONE; `queue` its settings or NULL. Changes nothing but `mark`.
 *
 * 1: found; 0: none; LANE_CUT: so many groups had nothing that the search stopped, and *mark says
 * where the next call shall go on. `mark` may be NULL: then that is as good as nothing. -errno. */
int lane_find(struct core *core, const struct worker *worker, const struct queue *queue,
              struct text name, struct lane_mark *mark, struct lane_found *found_out);

/* The job found is started: the turn moves on. */
void lane_take(const struct lane_found *found);

/* The group served last in a priority of a queue, and how often in a row; empty: none since the
 * start. `name` as for lane_find. */
struct text lane_last_group(const struct core *core, struct text name, uint64_t priority,
                            uint64_t *served_out);

void turns_fini(struct core *core);

#endif
