/* The kinds of operations on many jobs, one row each. What is done to a job is what a person could
 * do to it by hand (control.h). */
#include "broker/core/bulk.h"

#include "broker/core/birth.h"
#include "broker/core/control.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"

enum { ALL_STATES = (1u << JOB_STATE_COUNT) - 2 };

static int cancel(struct core *core, const struct caller *caller,
                  const struct wire_operation *operation)
{
    (void)caller;
    return control_cancel(core, &core->job, operation->reason);
}

/* A new job for each, with the params that all shall have; the failed one stays as it is. */
static int rerun(struct core *core, const struct caller *caller,
                 const struct wire_operation *operation, bool watched)
{
    const struct msg_retry again = {.id = core->job.id,
                                    .new_id =
                                        uuid_next(&core->ids, core->now.wall_ms, core_draw(core)),
                                    .params = operation->params};
    int rc = birth_rerun(core, caller, &again);
    if (rc != 0 || !watched)
        return rc;
    core->job.s.operation = operation->id;
    return job_save(core, &core->job);
}

/* Whoever waits for canaries, or counts failures, hears from the job when it ends. */
static int retry(struct core *core, const struct caller *caller,
                 const struct wire_operation *operation)
{
    bool watched = operation->canaries || operation->failures_max.set;
    if (operation->params.len)
        return rerun(core, caller, operation, watched);
    if (watched)
        core->job.s.operation = operation->id;
    return control_retry(core, &core->job);
}

static int drop(struct core *core, const struct caller *caller,
                const struct wire_operation *operation)
{
    (void)caller;
    (void)operation;
    return control_delete(core, &core->job);
}

/* Jobs that have not started go without a trace but their `cancelled` and `deleted` events. */
static int purge(struct core *core, const struct caller *caller,
                 const struct wire_operation *operation)
{
    (void)caller;
    int rc = control_cancel(core, &core->job, operation->reason);
    return rc != 0 ? rc : control_delete(core, &core->job);
}

#define IN(STATE) (1u << JOB_##STATE)

static const struct bulk bulks[] = {
    {"cancel", IN(SCHEDULED) | IN(BLOCKED) | IN(PENDING) | IN(RUNNING) | IN(WAITING), ALL_STATES,
     false, cancel},
    {"retry", IN(FAILED) | IN(CANCELLED), IN(FAILED), true, retry},
    {"delete", IN(COMPLETED) | IN(FAILED) | IN(CANCELLED), ALL_STATES, false, drop},
    {"purge", IN(SCHEDULED) | IN(BLOCKED) | IN(PENDING), ALL_STATES, false, purge},
};

const struct bulk *bulk_find(struct text kind)
{
    for (size_t i = 0; i < sizeof bulks / sizeof *bulks; i++)
        if (text_is(kind, bulks[i].kind))
            return &bulks[i];
    return NULL;
}

int bulk_narrow(struct core *core, const struct bulk *bulk, const struct wire_operation *operation,
                struct filter *filter)
{
    if (filter->statuses == ALL_STATES)
        filter->statuses = bulk->otherwise;
    filter->statuses &= bulk->may;
    if (filter->created_before == 0 || filter->created_before > operation->created_at + 1)
        filter->created_before = operation->created_at + 1;
    if (filter->statuses)
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "filter.status", "no job in such a state can be %s",
                  text_is(text_of(bulk->kind), "cancel")  ? "cancelled"
                  : text_is(text_of(bulk->kind), "retry") ? "retried"
                                                          : "deleted so");
}
