/* What people do to a job: cancel, retry, delete. */
#ifndef REEVE_BROKER_CORE_CONTROL_H
#define REEVE_BROKER_CORE_CONTROL_H

#include "broker/core/memory.h"

/* Each: 0, REFUSED, -errno. */
int handle_cancel(struct core *core, struct session *session, const struct message *message);
int handle_retry(struct core *core, struct session *session, const struct message *message);
int handle_delete(struct core *core, struct session *session, const struct message *message);

#endif
