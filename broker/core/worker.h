/* What a worker's session knows beyond a client's: what it takes, how much, and as whom. */
#ifndef REEVE_BROKER_CORE_WORKER_H
#define REEVE_BROKER_CORE_WORKER_H

#include "broker/core/memory.h"

/* Are the hello's queues and types readable? 0, REFUSED. */
int worker_check(struct core *core, const struct msg_hello *hello);

/* Takes queues, types, slots and name from a hello that worker_check has passed; what the worker
 * holds stays. 0, -ENOMEM. */
int worker_set(struct session *session, const struct msg_hello *hello, uint64_t wall_ms);

/* The most it may hold, as it says; none while somebody wants it drained. */
void worker_set_slots(struct worker *worker, uint64_t slots);

/* Does it take jobs of this type? */
bool worker_takes(const struct worker *worker, struct text type);

void worker_destroy(struct worker **worker); /* NULL is fine; holds no lease any more */

#endif
