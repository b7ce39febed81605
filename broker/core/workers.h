/* All workers at once: who could take a job, what clients ask about them, and the one thing they
 * can tell them: to drain. */
#ifndef REEVE_BROKER_CORE_WORKERS_H
#define REEVE_BROKER_CORE_WORKERS_H

#include "broker/core/worker.h"

/* The connected workers that would take such a job, if they had room. */
struct capable {
    uint64_t workers, slots, busy;
};
struct capable workers_capable(const struct core *core, struct text queue, struct text type);

/* 0, REFUSED, -errno. */
int handle_get_workers(struct core *core, struct session *session, const struct message *message);
int handle_drain_worker(struct core *core, struct session *session, const struct message *message);

#endif
