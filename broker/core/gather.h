/* What a batch wants to tell one worker, gathered so that it travels in few messages. */
#ifndef REEVE_BROKER_CORE_GATHER_H
#define REEVE_BROKER_CORE_GATHER_H

#include "broker/core/memory.h"

/* Appends an item (a struct of `shape`) to one of the worker's lists. 0, -ENOMEM. */
int gather_add(struct core *core, struct session *session, struct gather *gather,
               const struct shape *shape, const void *item);

/* Tells the lease's holder, if it is there, to stop the handler. */
int gather_stop(struct core *core, const struct lease *lease, const char *reason);

/* Sends what is gathered for this worker as messages. 0, -ENOMEM. */
int gather_flush(struct core *core, struct session *session);

/* Forgets what is gathered; frees it. */
void gather_clear(struct worker *worker);
void gather_fini(struct worker *worker);

#endif
