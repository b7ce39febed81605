/* The longest wait before a job's first start, and the longest life of its result: rows of the
 * timer table that come and go with the job's moves. */
#ifndef REEVE_BROKER_CORE_DEADLINE_H
#define REEVE_BROKER_CORE_DEADLINE_H

#include "broker/core/memory.h"

/* Called by job_move alone: the job leaves its status, or enters `to`. 0, -errno. */
int deadline_leave(struct core *core, const struct job *job);
int deadline_enter(struct core *core, struct job *job, enum job_state to);

/* What their timers do. 0, -errno. */
int deadline_passed(struct core *core, const struct uuid *id);
int result_expire(struct core *core, const struct uuid *id);

/* When to look again at something that may not go yet. */
uint64_t put_off(const struct core *core);

#endif
