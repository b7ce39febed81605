/* A pending job's place in its queue: how many go before it. Reads only.
 *
 * Exact for what the queue holds now, if nothing else arrives, no group is at a limit, and the
 * workers take every type: all jobs of higher priorities, the older ones of its own group, and of
 * each other group as many as have their turns (with their weights) first. Ageing is left out. Jobs
 * that must run alone are a line of their own. Counted up to PLACE_MAX. */
#ifndef REEVE_BROKER_CORE_PLACE_H
#define REEVE_BROKER_CORE_PLACE_H

#include "broker/core/memory.h"

enum { PLACE_MAX = 1000 };

struct place_in_line {
    uint64_t ahead;
    bool is_minimum; /* there are more than that; they were not counted */
};

/* The job is core->job's or another's buffer, pending. 0, -errno. */
int place_of(struct core *core, const struct job *job, struct place_in_line *place_out);

#endif
