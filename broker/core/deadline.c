/* Start deadlines and the retention of results. Must never move a job itself: outcome.c does. */
#include "broker/core/deadline.h"

#include "broker/core/job.h"
#include "broker/core/outcome.h"
#include "broker/core/parents.h"
#include "broker/core/timer.h"

enum { PUT_OFF_MS = 60 * 1000 };

uint64_t put_off(const struct core *core)
{
    return core->now.wall_ms + PUT_OFF_MS;
}

static bool is_before_start(enum job_state status)
{
    return status == JOB_SCHEDULED || status == JOB_PENDING || status == JOB_BLOCKED;
}

/* Where its result goes before the job itself does: then the timer is of this table's. */
static uint64_t result_end(const struct core *core, const struct rec_state *s)
{
    uint64_t end = core->now.wall_ms + opt_or(s->result_retention_ms, RETENTION_RESULT_MS);
    return end < s->expires_at ? end : 0;
}

int deadline_leave(struct core *core, const struct job *job)
{
    const struct rec_state *s = &job->s;
    struct slice what = key_job(&job->id);
    if (s->start_by && is_before_start(s->status))
        return timer_unset(core, s->start_by, TIMER_START_DEADLINE, what);
    if (s->status == JOB_COMPLETED && s->result_until && !s->result_gone)
        return timer_unset(core, s->result_until, TIMER_RESULT, what);
    return 0;
}

int deadline_enter(struct core *core, struct job *job, enum job_state to)
{
    struct rec_state *s = &job->s;
    struct slice what = key_job(&job->id);
    if (s->start_by && s->attempt == 0 && is_before_start(to))
        return timer_set(core, s->start_by, TIMER_START_DEADLINE, what);
    if (to != JOB_COMPLETED)
        return 0;
    s->result_until = result_end(core, s);
    return s->result_until ? timer_set(core, s->result_until, TIMER_RESULT, what) : 0;
}

int deadline_passed(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    bool waits = job->s.start_by && job->s.attempt == 0 && is_before_start(job->s.status);
    return waits && job->s.start_by <= core->now.wall_ms ? outcome_unstarted(core, job) : 0;
}

int result_expire(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    struct uuid child;
    int rc = job_load(core, id, job);
    if (rc != 0 || job->s.status != JOB_COMPLETED || job->s.result_until > core->now.wall_ms)
        return rc < 0 ? rc : 0;
    rc = parents_needed(core, id, &child);
    if (rc < 0)
        return rc;
    if (rc > 0) { /* a child may still read it */
        job->s.result_until = put_off(core);
        rc = timer_set(core, job->s.result_until, TIMER_RESULT, key_job(id));
        return rc < 0 ? rc : job_save(core, job);
    }
    rc = store_del(core->store, TABLE_RESULT, key_job(id));
    job->s.result_gone = true;
    return rc < 0 ? rc : job_save(core, job);
}
