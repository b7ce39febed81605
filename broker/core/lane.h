/* Which job next, for one free slot of one worker: seeks in the ready table, no list in memory.
 *
 * The worker's queues take turns; within a queue the highest priority that has a job for it;
 * within a priority the next group after the one served last; within a group the oldest job of a
 * type it takes. */
#ifndef REEVE_BROKER_CORE_LANE_H
#define REEVE_BROKER_CORE_LANE_H

#include "broker/core/memory.h"

/* 1: *job_out is the pick, and the turns have moved on; 0: nothing for this worker; -errno. */
int lane_pick(struct core *core, struct worker *worker, struct uuid *job_out);

/* The group that was served last in one priority of a queue; empty: none yet. Borrowed until the
 * next pick. */
struct text lane_last_group(const struct core *core, struct text queue, uint64_t priority);

void turns_fini(struct core *core);

#endif
