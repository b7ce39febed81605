/* What people do to a job: cancel, retry, delete. */
#ifndef REEVE_BROKER_CORE_CONTROL_H
#define REEVE_BROKER_CORE_CONTROL_H

#include "broker/core/memory.h"

/* Each: 0, REFUSED, -errno. */
int handle_cancel(struct core *core, struct session *session, const struct message *message);
int handle_retry(struct core *core, struct session *session, const struct message *message);
int handle_delete(struct core *core, struct session *session, const struct message *message);

/* Cancels a loaded job that has not ended, whoever wants it: moves, tells, saves; its handler gets
 * the word. `reason` may be empty; it must not point into the store. 0, -errno. */
int control_cancel(struct core *core, struct job *job, struct text reason);

#endif
