/* On whose behalf a request is. Only gateways and admins may speak for others. */
#include "broker/core/caller.h"

#include "broker/core/reply.h"

struct caller caller_of(const struct session *session, const struct message *message)
{
    struct text own = text_of(session->owner);
    struct text said = message->envelope.owner;
    switch (session->role) {
    case ROLE_GATEWAY:
        return (struct caller){said.len ? said : own, said.len == 0 || message->envelope.admin};
    case ROLE_ADMIN:
        return (struct caller){said.len ? said : own, true};
    case ROLE_PRODUCER:
    case ROLE_OBSERVER:
    case ROLE_WORKER:
        break;
    }
    return (struct caller){own, false};
}

int caller_load(struct core *core, const struct caller *caller, const struct uuid *id,
                struct job *job)
{
    int rc = job_load(core, id, job);
    if (rc < 0)
        return rc;
    if (rc == 0 && (caller->sees_all || text_eq(job->s.owner, caller->owner)))
        return 0;
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    return refuse(core, WIRE_NOT_FOUND, "id", "there is no job %s", text);
}
