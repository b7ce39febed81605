/* The message `submit`. Everything is checked before anything is written, so that a refusal
 * changes nothing; then the jobs are made and answered in one go. */
#include "broker/core/submit.h"

#include <errno.h>
#include <stdlib.h>


#include "broker/core/birth.h"
#include "broker/core/idempotency.h"
#include "broker/core/job.h"
#include "broker/core/name.h"
#include "broker/core/queue.h"
#include "broker/core/reply.h"
#include "broker/core/spec.h"
#include "broker/core/unique.h"

/* The fault of one job among many is told with its place: "type" becomes "jobs[3].type". */
static int refuse_at(struct core *core, uint32_t index)
{
    fault_within(&core->fault, "jobs", index);
    return REFUSED;
}

static int answer_job(struct core *core, bool whole)
{
    int rc = 0;
    struct wire_submit_answer answer = {.id = core->job.id, .status = core->job.s.status};
    if (whole && core->answer.len < PAGE_SIZE_MAX) {
        buf_clear(&core->rendered);
        rc = job_render(core, &core->job, DETAIL_WHOLE, &core->rendered);
        answer.job = buf_slice(&core->rendered);
    }
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_submit_answer, &answer, KEYS_NAMES);
}

static int answer_fault(struct core *core)
{
    struct wire_fault fault = {.code = text_of(wire_error_code(core->fault.error)),
                               .message = text_of(core->fault.problem),
                               .field = text_of(core->fault.field),
                               .job = core->fault_job};
    struct wire_submit_answer answer = {0};
    int rc = shape_keep(&core->nested, &shape_fault, &fault, KEYS_NAMES, &answer.error);
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_submit_answer, &answer, KEYS_NAMES);
}

/* What only the broker says. */
static int check_said(struct core *core, const struct wire_spec *spec)
{
    if (spec->schedule.at)
        return refuse(core, WIRE_INVALID_REQUEST, "schedule",
                      "only the broker says that a schedule made a job");
    if (uuid_is_null(&spec->retry_of))
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "retry_of",
                  "only the broker says that a job is a retry");
}

/* One job: checked, made unless it exists, answered. 0, REFUSED with nothing changed, -errno. */
static int submit_one(struct core *core, const struct caller *caller, struct wire_spec *spec,
                      bool whole)
{
    int rc = check_said(core, spec);
    if (rc == 0)
        rc = birth_job(core, caller, spec, false);
    return rc != 0 ? rc : answer_job(core, whole);
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

/* What the jobs of an all-or-none submit are checked for beside the store: each other. */
struct batch {
    struct buf ids;      /* that the clients made */
    struct buf nameable; /* those of them that will surely exist, for later jobs to depend on */
    struct unique_batch keys;
};

static int batch_add(struct batch *batch, const struct wire_spec *spec, const struct uuid *existing,
                     uint32_t index)
{
    int rc = 0;
    if (!uuid_is_null(&spec->id))
        rc = buf_append(&batch->ids, &spec->id, sizeof spec->id);
    if (rc == 0 && !uuid_is_null(&spec->id) && !text_is(spec->unique_policy, "return"))
        rc = buf_append(&batch->nameable, &spec->id, sizeof spec->id);
    if (rc == 0 && uuid_is_null(existing))
        rc = unique_batch_add(&batch->keys, spec, index);
    return rc;
}

static int batch_check_ids(struct core *core, struct batch *batch)
{
    size_t count = batch->ids.len / sizeof(struct uuid);
    struct uuid *at = (struct uuid *)(void *)batch->ids.at;
    if (count < 2)
        return 0;
    qsort(at, count, sizeof *at, compare_ids);
    for (size_t i = 1; i < count; i++)
        if (uuid_eq(&at[i - 1], &at[i]))
            return refuse(core, WIRE_INVALID_REQUEST, "jobs", "the same id stands there twice");
    return 0;
}

static int batch_check(struct core *core, struct batch *batch)
{
    uint32_t index;
    int rc = batch_check_ids(core, batch);
    if (rc == 0 && unique_batch_check(core, &batch->keys, &index) == REFUSED)
        rc = refuse_at(core, index);
    return rc;
}

static int check_each(struct core *core, const struct caller *caller, struct slice jobs,
                      struct batch *batch)
{
    struct list_iter iter;
    struct wire_spec spec;
    int more = list_open(jobs, &iter) == 0 ? 1 : -1;
    while (more > 0 &&
           (more = list_next(&iter, &shape_spec, KEYS_NAMES, &spec, &core->fault)) == 1) {
        struct uuid existing;
        int rc = check_said(core, &spec);
        if (rc == 0)
            rc = birth_check(core, caller, &spec, &batch->nameable, &existing);
        if (rc == 0)
            rc = batch_add(batch, &spec, &existing, iter.index - 1);
        if (rc != 0)
            return rc < 0 ? rc : refuse_at(core, iter.index - 1);
    }
    return more < 0 ? refuse_at(core, iter.index) : batch_check(core, batch);
}

/* All or none: the whole list is checked before the first job is made. */
static int check_all(struct core *core, const struct caller *caller, struct slice jobs)
{
    struct batch batch = {0};
    queue_claims_begin(core);
    int rc = check_each(core, caller, jobs, &batch);
    buf_fini(&batch.ids);
    buf_fini(&batch.nameable);
    unique_batch_fini(&batch.keys);
    core->depends = 0;
    return rc;
}

static int submit_all(struct core *core, const struct caller *caller,
                      const struct msg_submit *submit, struct slice *answers_out)
{
    struct list_iter iter;
    struct wire_spec spec;
    size_t mark;
    uint32_t count = 0;
    int more, rc = list_open(submit->jobs, &iter);
    buf_clear(&core->answer);
    if (rc == 0)
        rc = list_begin(&core->answer, &mark);
    if (rc < 0)
        return rc;
    while ((more = list_next(&iter, &shape_spec, KEYS_NAMES, &spec, &core->fault)) != 0) {
        rc = more < 0 ? REFUSED : submit_one(core, caller, &spec, submit->whole);
        if (rc == REFUSED)
            rc = answer_fault(core);
        if (rc < 0)
            return rc;
        count++;
    }
    list_end(&core->answer, mark, count);
    *answers_out = buf_slice(&core->answer);
    return 0;
}

static int check_submit(struct core *core, const struct session *session,
                        const struct msg_submit *submit)
{
    struct list_iter iter;
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer submits nothing");
    if (birth_check_room(core) != 0)
        return REFUSED;
    if (list_open(submit->jobs, &iter) != 0 || iter.count == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "jobs", "expected a list of 1 to %d jobs",
                      BATCH_JOBS_MAX);
    if (submit->idempotency_key.at && !name_is_fit(submit->idempotency_key, KEY_LEN_MAX))
        return refuse(core, WIRE_INVALID_REQUEST, "idempotency_key",
                      "expected 1 to %d bytes without control characters", KEY_LEN_MAX);
    return 0;
}

/* --- the message --------------------------------------------------------------------------- */

int handle_submit(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_submit *submit = &message->submit;
    struct caller caller = caller_of(session, message);
    int rc = check_submit(core, session, submit);
    core->depends = 0;
    if (rc == 0 && submit->idempotency_key.len) {
        rc = idempotency_replay(core, &caller, submit);
        if (rc == IDEMPOTENCY_REPLAYED)
            return 0;
    }
    if (rc == 0 && !submit->partial)
        rc = check_all(core, &caller, submit->jobs);
    if (rc != 0)
        return rc;
    struct message answer = {.id = MSG_SUBMITTED};
    rc = submit_all(core, &caller, submit, &answer.submitted.jobs);
    if (rc == 0 && submit->idempotency_key.len)
        rc = idempotency_keep(core, &caller, submit, &answer);
    return rc < 0 ? rc : reply(core, &answer);
}
