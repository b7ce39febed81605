/* A job as everybody sees it: from its records to the wire's shape. Reads, never writes. */
#include <errno.h>

#include "broker/core/ask.h"
#include "broker/core/job.h"
#include "broker/core/pace.h"
#include "broker/core/parents.h"

static void render_state(const struct job *job, struct wire_job *out)
{
    const struct rec_state *s = &job->s;
    out->id = job->id;
    out->type = s->type;
    out->queue = s->queue;
    out->owner = s->owner;
    out->group = s->group;
    out->status = s->status;
    out->priority = opt_of(s->priority);
    out->progress = s->progress;
    out->attempt = opt_of(s->attempt);
    out->lost = opt_of(s->lost);
    out->rev = s->rev;
    out->created_at = s->created_at;
    out->updated_at = s->updated_at;
    out->run_at = s->due_at;
    out->started_at = s->started_at;
    out->completed_at = s->completed_at;
    out->cancel = s->cancel;
    out->error = s->error;
    out->result_gone = s->result_gone;
    if (s->status == JOB_RUNNING || s->ending)
        out->worker = s->worker;
}

static void render_spec(const struct wire_spec *spec, enum job_detail detail, struct wire_job *out)
{
    out->name = spec->name;
    out->description = spec->description;
    out->metadata = spec->metadata;
    out->max_attempts = opt_of(opt_or(spec->max_attempts, ATTEMPTS_DEFAULT));
    out->traceparent = spec->traceparent;
    out->schedule = spec->schedule;
    out->unique_key = spec->unique_key;
    out->retry_of = spec->retry_of;
    out->on_parent_failure = spec->on_parent_failure;
    if (detail != DETAIL_LIST)
        out->params = spec->params;
}

/* Copies a whole value of a table into `kept`, from where `slice_out` borrows it. */
static int keep_value(struct core *core, enum store_table table, const struct uuid *id,
                      struct buf *kept, struct slice *slice_out)
{
    struct slice value;
    int rc = store_get(core->store, table, key_job(id), &value);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    buf_clear(kept);
    rc = buf_append(kept, value.at, value.len);
    *slice_out = buf_slice(kept);
    return rc;
}

static int render_failures(struct core *core, const struct job *job, struct slice *list_out)
{
    if (job->s.failure_n == 0)
        return 0;
    struct store_range range = {
        .table = TABLE_FAILURE, .prefix = key_job(&job->id), .limit = ERRORS_MAX};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    size_t mark;
    buf_clear(&core->failures);
    rc = list_begin(&core->failures, &mark);
    for (size_t i = 0; i < core->rows.count && rc == 0; i++)
        rc = buf_append(&core->failures, core->rows.at[i].value.at, core->rows.at[i].value.len);
    if (rc < 0)
        return rc;
    list_end(&core->failures, mark, (uint32_t)core->rows.count);
    *list_out = buf_slice(&core->failures);
    return 0;
}

static int render_parents(struct core *core, const struct job *job, struct wire_job *out)
{
    if (job->s.parents == 0)
        return 0;
    if (job->s.parents > DEPENDS_SHOWN_MAX)
        out->depends_on_total = opt_of(job->s.parents);
    return parents_list(core, &job->id, DEPENDS_SHOWN_MAX, false, &out->depends_on);
}

int job_render(struct core *core, const struct job *job, enum job_detail detail, struct buf *out)
{
    struct wire_job wire = {0};
    render_state(job, &wire);
    if (job->s.status == JOB_RUNNING)
        wire.estimated_completion = pace_completion(core, &job->s);
    int rc = 0;
    if (detail != DETAIL_LIST) {
        rc = keep_value(core, TABLE_STAGE, &job->id, &core->nested, &wire.stages);
        if (rc == 0)
            rc = render_failures(core, job, &wire.errors);
        if (rc == 0)
            rc = render_parents(core, job, &wire);
    }
    if (rc == 0 && detail == DETAIL_RESULT)
        rc = keep_value(core, TABLE_RESULT, &job->id, &core->value, &wire.result);
    if (rc == 0)
        rc = ask_open(core, job, &core->value, &wire.question); /* such a job has no result */
    if (rc < 0)
        return rc;
    struct wire_spec spec; /* last: its texts live until the store is called again */
    rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    render_spec(&spec, detail, &wire);
    return shape_encode(out, &shape_job, &wire, KEYS_NAMES);
}
