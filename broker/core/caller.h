/* On whose behalf a request is: what it may see and do. */
#ifndef REEVE_BROKER_CORE_CALLER_H
#define REEVE_BROKER_CORE_CALLER_H

#include "broker/core/job.h"
#include "broker/core/memory.h"

struct caller {
    struct text owner;
    bool sees_all;
};

/* Of a request in a session. Borrows from both. */
struct caller caller_of(const struct session *session, const struct message *message);

/* job_load for a caller: somebody else's job is not found. 0, REFUSED, -errno. */
int caller_load(struct core *core, const struct caller *caller, const struct uuid *id,
                struct job *job);

#endif
