/* Cancel, retry, delete: what is answered has happened, durably, whatever a worker still does. */
#include "broker/core/control.h"

#include "broker/core/caller.h"
#include "broker/core/gather.h"
#include "broker/core/lease.h"
#include "broker/core/reply.h"

int control_load(struct core *core, struct session *session, const struct message *message,
                 const struct uuid *id)
{
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer changes nothing");
    struct caller caller = caller_of(session, message);
    return caller_load(core, &caller, id, &core->job);
}

int control_answer(struct core *core)
{
    struct message answer = {.id = MSG_JOB_IS};
    buf_clear(&core->rendered);
    int rc = job_render(core, &core->job, DETAIL_WHOLE, &core->rendered);
    if (rc < 0)
        return rc;
    answer.job_is.job = buf_slice(&core->rendered);
    answer.job_is.ending = core->job.s.ending;
    return reply(core, &answer);
}

/* A running job's handler gets the word; its lease stays until it is gone. */
static int begin_ending(struct core *core, struct job *job)
{
    struct lease *lease = lease_find(core, job->s.fence, &job->id);
    if (!lease)
        return 0;
    job->s.ending = lease->ending = true;
    return gather_stop(core, lease, "cancelled");
}

int control_cancel(struct core *core, struct job *job, struct text reason)
{
    int rc = 0;
    if (job->s.status == JOB_CANCELLED)
        return refuse(core, WIRE_CONFLICT, "", "the job is cancelled already");
    if (job_state_is_terminal(job->s.status))
        return refuse(core, WIRE_CONFLICT, "", "the job has %s: there is nothing to cancel",
                      job_state_word(job->s.status));
    if (job->s.status == JOB_RUNNING)
        rc = begin_ending(core, job);
    struct wire_cancellation cancel = {.reason = reason, .at = core->now.wall_ms};
    if (rc == 0)
        rc = shape_keep(&core->scratch, &shape_cancellation, &cancel, KEYS_NAMES, &job->s.cancel);
    if (rc == 0)
        rc = job_move(core, job, JOB_CANCELLED);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("cancelled"), .reason = reason};
    rc = job_emit(core, job, &event);
    return rc < 0 ? rc : job_save(core, job);
}

int control_retry(struct core *core, struct job *job)
{
    if (job->s.status != JOB_FAILED && job->s.status != JOB_CANCELLED)
        return refuse(core, WIRE_CONFLICT, "",
                      "the job is %s: only failed and cancelled jobs "
                      "are retried",
                      job_state_word(job->s.status));
    if (job->s.ending)
        return refuse(core, WIRE_CONFLICT, "", "its handler is not gone yet");
    job->s.due_at = core->now.wall_ms; /* behind those that wait */
    job->s.alone = false;
    int rc = job_move(core, job, JOB_PENDING);
    if (rc < 0)
        return rc;
    job->s.attempt = job->s.failures = job->s.lost = job->s.again = 0;
    job->s.segment = 0;
    job->s.resumes = false;
    job->s.started_at = job->s.completed_at = job->s.expires_at = job->s.cause = 0;
    job->s.error = job->s.cancel = job->s.progress = (struct slice){0};
    rc = job_emit_plain(core, job, "retry");
    return rc < 0 ? rc : job_save(core, job);
}

int control_delete(struct core *core, struct job *job)
{
    if (!job_state_is_terminal(job->s.status))
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: cancel it first",
                      job_state_word(job->s.status));
    if (job->s.ending)
        return refuse(core, WIRE_CONFLICT, "", "its handler is not gone yet");
    return job_purge(core, job);
}

int handle_cancel(struct core *core, struct session *session, const struct message *message)
{
    int rc = control_load(core, session, message, &message->cancel.id);
    if (rc == 0)
        rc = control_cancel(core, &core->job, message->cancel.reason);
    return rc != 0 ? rc : control_answer(core);
}

int handle_retry(struct core *core, struct session *session, const struct message *message)
{
    int rc = control_load(core, session, message, &message->retry.id);
    if (rc == 0)
        rc = control_retry(core, &core->job);
    return rc != 0 ? rc : control_answer(core);
}

int handle_delete(struct core *core, struct session *session, const struct message *message)
{
    int rc = control_load(core, session, message, &message->delete.id);
    if (rc == 0)
        rc = control_delete(core, &core->job);
    if (rc != 0)
        return rc;
    struct message answer = {.id = MSG_DELETED};
    answer.deleted.id = core->job.id;
    return reply(core, &answer);
}
