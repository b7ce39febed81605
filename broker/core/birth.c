/* Making one job. Everything is checked before anything is written. */
#include "broker/core/birth.h"

#include <errno.h>


#include "broker/core/counter.h"
#include "broker/core/family.h"
#include "broker/core/job.h"
#include "broker/core/parents.h"
#include "broker/core/queue.h"
#include "broker/core/rate.h"
#include "broker/core/reply.h"
#include "broker/core/spec.h"
#include "broker/core/unique.h"

/* --- may it be made? ----------------------------------------------------------------------- */

int birth_check_room(struct core *core)
{
    if (!core->has_room)
        return refuse(core, WIRE_STORE_FULL, "", "the broker's disk is full; nothing was kept");
    return 0;
}

/* The trace may differ between a submit and its resend; everything else may not. `filled`: what the
 * queue's defaults of that day had added. */
static int same_content(struct core *core, const struct wire_spec *spec, uint64_t filled,
                        bool *same_out)
{
    struct wire_spec stored, given = *spec;
    int rc = spec_get(core, &spec->id, &stored);
    if (rc < 0)
        return rc;
    queue_strip_defaults(&stored, filled);
    stored.traceparent = given.traceparent = (struct text){0};
    given.depends_on = (struct slice){0}; /* has a table of its own */
    struct slice a, b;
    rc = shape_keep(&core->record, &shape_spec, &stored, KEYS_NUMBERS, &a);
    if (rc == 0)
        rc = shape_keep(&core->scratch, &shape_spec, &given, KEYS_NUMBERS, &b);
    if (rc == 0)
        *same_out = slice_eq(a, b);
    return rc == 0 && *same_out ? parents_same(core, &spec->id, spec->depends_on, same_out) : rc;
}

/* A client's own id: free, or already this very job (*exists_out), or refused. */
static int check_id(struct core *core, const struct wire_spec *spec, bool *exists_out)
{
    *exists_out = false;
    if (uuid_is_null(&spec->id))
        return 0;
    struct slice value;
    int rc = store_get(core->store, TABLE_STATE, key_job(&spec->id), &value);
    if (rc == 0) {
        struct rec_state state;
        struct fault fault;
        if (shape_decode(value, &shape_rec_state, KEYS_NUMBERS, &state, &fault) != 0)
            return -EBADMSG;
        rc = same_content(core, spec, state.defaulted, exists_out);
        if (rc == 0 && !*exists_out)
            return refuse(core, WIRE_CONFLICT, "id", "another job has this id");
        return rc;
    }
    if (rc < 0)
        return rc;
    rc = store_get(core->store, TABLE_TOMBSTONE, key_job(&spec->id), &value);
    if (rc == 0)
        return refuse(core, WIRE_GONE, "id", "the job with this id has been deleted");
    return rc < 0 ? rc : 0;
}

int birth_check(struct core *core, const struct caller *caller, struct wire_spec *spec,
                const struct buf *earlier, struct uuid *existing_out)
{
    bool exists = false;
    *existing_out = (struct uuid){{0}};
    int rc = spec_check(core, caller, spec);
    if (rc == 0)
        rc = counter_admit(core, spec->queue, spec->type, spec->owner);
    if (rc == 0)
        rc = check_id(core, spec, &exists);
    if (exists)
        *existing_out = spec->id;
    if (rc != 0 || exists)
        return rc;
    rc = parents_check(core, caller, spec->depends_on, earlier);
    if (rc == 0)
        rc = unique_check(core, spec, existing_out);
    return rc != 0 || !uuid_is_null(existing_out) ? rc : queue_claim(core, spec->queue);
}

/* --- writing it ---------------------------------------------------------------------------- */

static void birth(const struct core *core, const struct wire_spec *spec, struct job *job)
{
    job->id = spec->id;
    job->s = (struct rec_state){
        .created_at = core->now.wall_ms,
        .queue = spec->queue,
        .owner = spec->owner,
        .group = spec->group,
        .type = spec->type,
        .priority = opt_or(spec->priority, PRIORITY_DEFAULT),
        .due_at = spec->run_at,
        .retention_ms = spec->retention_ms,
        .result_retention_ms = spec->result_retention_ms,
        .run_anyway = text_is(spec->on_parent_failure, "run"),
        .keyed = spec->unique_key.len > 0,
    };
    if (spec->delay_ms)
        job->s.due_at = core->now.wall_ms + spec->delay_ms;
    if (spec->start_deadline_ms.set)
        job->s.start_by = core->now.wall_ms + spec->start_deadline_ms.value;
}

static int keep_spec(struct core *core, const struct wire_spec *spec)
{
    struct wire_spec kept = *spec;
    struct slice value;
    kept.depends_on = (struct slice){0}; /* a dispatch does not read 10,000 ids */
    int rc = shape_keep(&core->record, &shape_spec, &kept, KEYS_NUMBERS, &value);
    return rc < 0 ? rc : store_put(core->store, TABLE_SPEC, key_job(&spec->id), value);
}

/* Parents and unique key: does the job wait for somebody? *failed_out: a parent whose end takes it
 * along, or null; then it takes no key. */
static int bind(struct core *core, const struct wire_spec *spec, struct job *job, bool *waits_out,
                struct uuid *failed_out)
{
    *waits_out = false;
    int rc = parents_link(core, job, spec->depends_on, failed_out);
    if (job->s.run_anyway)
        *failed_out = (struct uuid){{0}};
    if (rc == 0 && spec->unique_key.len && uuid_is_null(failed_out))
        rc = unique_take(core, spec, &job->id, waits_out);
    *waits_out |= job->s.open_parents > 0 || !uuid_is_null(failed_out);
    return rc;
}

static enum job_state first_state(const struct core *core, const struct job *job, bool waits)
{
    if (waits)
        return JOB_BLOCKED;
    return job->s.due_at > core->now.wall_ms ? JOB_SCHEDULED : JOB_PENDING;
}

static int make(struct core *core, struct wire_spec *spec, bool again)
{
    struct job *job = &core->job;
    struct uuid failed;
    bool waits;
    if (uuid_is_null(&spec->id))
        spec->id = uuid_next(&core->ids, core->now.wall_ms, core_draw(core));
    uint64_t filled = queue_fill_defaults(core, spec);
    int rc = keep_spec(core, spec);
    if (rc < 0)
        return rc;
    birth(core, spec, job);
    job->s.defaulted = filled;
    job->s.run_anyway |= again;
    rc = bind(core, spec, job, &waits, &failed);
    if (rc == 0)
        rc = job_move(core, job, first_state(core, job, waits));
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("submitted"), .run_at = job->s.due_at};
    rc = job_emit(core, job, &event);
    if (rc < 0)
        return rc;
    rate_count(core, RATE_SUBMITTED, 1);
    return uuid_is_null(&failed) ? job_save(core, job) : family_refuse(core, job, &failed);
}

int birth_job(struct core *core, const struct caller *caller, struct wire_spec *spec, bool again)
{
    struct uuid existing;
    queue_claims_begin(core);
    int rc = birth_check(core, caller, spec, NULL, &existing);
    if (rc != 0)
        return rc;
    if (uuid_is_null(&existing))
        return make(core, spec, again);
    rc = job_load(core, &existing, &core->job);
    return rc > 0 ? -EBADMSG : rc;
}

/* --- a job once more, with other params ----------------------------------------------------- */

static int check_rerun(struct core *core, const struct job *job)
{
    if (birth_check_room(core) != 0)
        return REFUSED;
    if (!job_state_is_terminal(job->s.status))
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: only ended jobs are tried again",
                      job_state_word(job->s.status));
    return job->s.ending ? refuse(core, WIRE_CONFLICT, "", "its handler is not gone yet") : 0;
}

/* The spec as stored, in memory of its own, with the parents that are still there. */
static int copy_spec(struct core *core, const struct job *job, struct wire_spec *spec_out)
{
    struct slice value, parents = {0};
    struct fault fault;
    int rc = store_get(core->store, TABLE_SPEC, key_job(&job->id), &value);
    buf_clear(&core->value);
    if (rc == 0)
        rc = buf_append(&core->value, value.at, value.len);
    if (rc == 0 && job->s.parents)
        rc = parents_list(core, &job->id, DEPENDS_MAX, true, &parents);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    rc = shape_decode(buf_slice(&core->value), &shape_spec, KEYS_NUMBERS, spec_out, &fault);
    spec_out->depends_on = parents;
    return rc == 0 ? 0 : -EBADMSG;
}

int birth_rerun(struct core *core, const struct caller *caller, const struct msg_retry *retry)
{
    struct wire_spec spec;
    int rc = check_rerun(core, &core->job);
    if (rc == 0)
        rc = copy_spec(core, &core->job, &spec);
    if (rc != 0)
        return rc;
    spec.id = retry->new_id;
    spec.params = retry->params;
    spec.retry_of = retry->id;
    spec.run_at = spec.delay_ms = 0;
    spec.schedule = (struct text){0}; /* a person made it */
    core->depends = 0;
    return birth_job(core, caller, &spec, true);
}
