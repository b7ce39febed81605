/* Cancel, retry, delete: what is answered has happened, durably, whatever a worker still does. */
#include "broker/core/control.h"

#include "broker/core/birth.h"
#include "broker/core/caller.h"
#include "broker/core/family.h"
#include "broker/core/gather.h"
#include "broker/core/lease.h"
#include "broker/core/parents.h"
#include "broker/core/queue.h"
#include "broker/core/reply.h"
#include "broker/core/unique.h"

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

/* The start deadline counts from now on; it may have had none. */
static int restart_deadline(struct core *core, struct job *job)
{
    struct wire_spec spec;
    int rc = spec_get(core, &job->id, &spec);
    job->s.start_by = 0;
    if (rc == 0 && spec.start_deadline_ms.set)
        job->s.start_by = core->now.wall_ms + spec.start_deadline_ms.value;
    return rc;
}

/* A new series of attempts. What it waits for: parents that have not ended; its key is its own. */
static int revive(struct core *core, struct job *job)
{
    job->s.due_at = core->now.wall_ms; /* behind those that wait */
    job->s.attempt = job->s.failures = job->s.lost = job->s.again = job->s.segment = 0;
    job->s.resumes = job->s.alone = false;
    int rc = unique_take_again(core, job);
    if (rc == 0)
        rc = parents_link_again(core, job);
    if (rc == 0)
        rc = restart_deadline(core, job);
    if (rc == 0)
        rc = job_move(core, job, job->s.open_parents ? JOB_BLOCKED : JOB_PENDING);
    if (rc == 0)
        rc = family_tell_children(core, job);
    if (rc < 0)
        return rc;
    job->s.started_at = job->s.completed_at = job->s.expires_at = job->s.cause = 0;
    job->s.error = job->s.cancel = job->s.progress = (struct slice){0};
    rc = job_emit_plain(core, job, "retry");
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
    int rc = unique_check_again(core, job);
    queue_claims_begin(core);
    if (rc == 0)
        rc = queue_claim(core, job->s.queue);
    return rc != 0 ? rc : revive(core, job);
}

static int refuse_needed(struct core *core, const struct uuid *child)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(child, text);
    refuse(core, WIRE_CONFLICT, "", "job %s depends on it and has not ended", text);
    core->fault_job = *child;
    return REFUSED;
}

int control_delete(struct core *core, struct job *job)
{
    struct uuid child;
    if (!job_state_is_terminal(job->s.status))
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: cancel it first",
                      job_state_word(job->s.status));
    if (job->s.ending)
        return refuse(core, WIRE_CONFLICT, "", "its handler is not gone yet");
    int rc = parents_needed(core, &job->id, &child);
    if (rc != 0)
        return rc < 0 ? rc : refuse_needed(core, &child);
    return job_purge(core, job);
}

/* What is below a job is cancelled, with `tree`, though the job itself may have ended. */
int handle_cancel(struct core *core, struct session *session, const struct message *message)
{
    struct job *job = &core->job;
    bool tree = message->cancel.tree;
    int rc = control_load(core, session, message, &message->cancel.id);
    if (rc == 0 && !(tree && job_state_is_terminal(job->s.status)))
        rc = control_cancel(core, job, message->cancel.reason);
    if (rc == 0 && tree)
        rc = family_cancel(core, job, core->seq + 1);
    return rc != 0 ? rc : control_answer(core);
}

int handle_retry(struct core *core, struct session *session, const struct message *message)
{
    int rc = control_load(core, session, message, &message->retry.id);
    struct caller caller = caller_of(session, message);
    if (rc == 0)
        rc = message->retry.params.len ? birth_rerun(core, &caller, &message->retry)
                                       : control_retry(core, &core->job);
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
