/* What people do to a job: cancel, retry, delete. */
#ifndef REEVE_BROKER_CORE_CONTROL_H
#define REEVE_BROKER_CORE_CONTROL_H

#include "broker/core/memory.h"

/* What has been decided about a loaded job is done: written, told, saved; the
 * handler of a running one gets the word. Each checks first. `reason` may be empty; it must not
 * point into the store. 0, REFUSED with nothing changed, -errno. */
int control_cancel(struct core *core, struct job *job, struct text reason);
int control_retry(struct core *core, struct job *job);
int control_delete(struct core *core, struct job *job);

/* Each: 0, REFUSED, -errno. */
int handle_cancel(struct core *core, struct session *session, const struct message *message);
int handle_retry(struct core *core, struct session *session, const struct message *message);
int handle_delete(struct core *core, struct session *session, const struct message *message);

/* For those who change a job: loads it into core->job for a caller who may; answers with it as it
 * is then (job_is). 0, REFUSED, -errno. */
int control_load(struct core *core, struct session *session, const struct message *message,
                 const struct uuid *id);
int control_answer(struct core *core);

#endif
