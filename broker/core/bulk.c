/* The kinds of operations on many jobs, one row each. What is done to a job is what a person could
 * do to it by hand (control.h). */
#include "broker/core/bulk.h"

#include "broker/core/control.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"

enum { ALL_STATES = (1u << JOB_STATE_COUNT) - 2 };

static int cancel(struct core *core, struct job *job, const struct wire_operation *operation)
{
    return control_cancel(core, job, operation->reason);
}

/* Whoever waits for canaries, or counts failures, hears from the job when it ends. */
static int retry(struct core *core, struct job *job, const struct wire_operation *operation)
{
    if (operation->canaries || operation->failures_max.set)
        job->s.operation = operation->id;
    return control_retry(core, job);
}

static int delete (struct core *core, struct job *job, const struct wire_operation *operation)
{
    (void)operation;
    return control_delete(core, job);
}

/* Jobs that have not started go without a trace but their `cancelled` and `deleted` events. */
static int purge(struct core *core, struct job *job, const struct wire_operation *operation)
{
    int rc = control_cancel(core, job, operation->reason);
    return rc != 0 ? rc : control_delete(core, job);
}

#define IN(STATE) (1u << JOB_##STATE)

static const struct bulk bulks[] = {
    {"cancel", IN(SCHEDULED) | IN(BLOCKED) | IN(PENDING) | IN(RUNNING) | IN(WAITING), ALL_STATES,
     cancel},
    {"retry", IN(FAILED) | IN(CANCELLED), IN(FAILED), retry},
    {"delete", IN(COMPLETED) | IN(FAILED) | IN(CANCELLED), ALL_STATES, delete},
    {"purge", IN(SCHEDULED) | IN(BLOCKED) | IN(PENDING), ALL_STATES, purge},
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
