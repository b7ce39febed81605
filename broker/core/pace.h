/* How fast queues hand out their jobs and how long types run: what estimates are made of.
 *
 * In memory only, in the counters of the queue and of the type: a restart knows nothing until
 * jobs have run again, and says so. An estimate is never invented: what is not known is absent. */
#ifndef REEVE_BROKER_CORE_PACE_H
#define REEVE_BROKER_CORE_PACE_H

#include "broker/core/memory.h"

/* A job of this queue went to a worker. */
void pace_started(struct core *core, const struct rec_state *state);

/* A job of this type has completed. */
void pace_completed(struct core *core, const struct rec_state *state);

/* Jobs the queue handed out per second, lately; 0: not known. */
double pace_of_queue(const struct core *core, struct text queue);

/* When a running job will have completed, wall ms, by its progress, else by its type's history.
 * 0: not known. */
uint64_t pace_completion(const struct core *core, const struct rec_state *state);

#endif
