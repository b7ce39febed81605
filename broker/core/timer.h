/* What happens at a time of day: due jobs, the end of retention, of tombstones, of stored answers.
 * Durable, in the timer table; a step of the wall clock moves them, a restart does not. */
#ifndef REEVE_BROKER_CORE_TIMER_H
#define REEVE_BROKER_CORE_TIMER_H

#include "broker/core/memory.h"

enum { TIMER_SLICE = 256 }; /* timers handled in one batch */

/* 0, -errno. */
int timer_set(struct core *core, uint64_t at, enum rec_timer kind, struct slice what);
int timer_unset(struct core *core, uint64_t at, enum rec_timer kind, struct slice what);

/* Handles what is due, at most TIMER_SLICE of it; sets core->again where more is. */
int timers_run(struct core *core);

/* When timers_run has work, in wall time; UINT64_MAX: never; 0: not known, run it. */
uint64_t timers_next(const struct core *core);

#endif
