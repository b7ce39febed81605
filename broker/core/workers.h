/* What clients ask about workers, and the one thing they can tell them: to drain. */
#ifndef REEVE_BROKER_CORE_WORKERS_H
#define REEVE_BROKER_CORE_WORKERS_H

#include "broker/core/worker.h"

/* 0, REFUSED, -errno. */
int handle_get_workers(struct core *core, struct session *session, const struct message *message);
int handle_drain_worker(struct core *core, struct session *session, const struct message *message);

#endif
