/* The message `submit`. Everything is checked before anything is written, so that a refusal
 * changes nothing; then the jobs are made and answered in one go. */
#include "broker/core/submit.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/core/caller.h"
#include "broker/core/counter.h"
#include "broker/core/idempotency.h"
#include "broker/core/name.h"
#include "broker/core/queue.h"
#include "broker/core/rate.h"
#include "broker/core/reply.h"
#include "proto/scan.h"

/* The fault of one job among many is told with its place: "type" becomes "jobs[3].type". */
static int refuse_at(struct core *core, uint32_t index)
{
    fault_within(&core->fault, "jobs", index);
    return REFUSED;
}

static int check_name(struct core *core, struct text name, const char *field, size_t len_max)
{
    if (name_is_fit(name, len_max))
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, field,
                  "expected 1 to %zu bytes without control characters", len_max);
}

/* Fills in what every job has, so that two submits of the same content are the same bytes. */
static int normalise(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    if (spec->owner.len && !caller->sees_all && !text_eq(spec->owner, caller->owner))
        return refuse(core, WIRE_FORBIDDEN, "owner", "only an admin submits for others");
    if (spec->owner.len == 0)
        spec->owner = caller->owner;
    if (spec->queue.len == 0)
        spec->queue = TEXT("default");
    if (spec->group.len == 0)
        spec->group = spec->owner;
    return 0;
}

/* What a client may not say of itself. */
static int check_said(struct core *core, const struct wire_spec *spec)
{
    if (spec->schedule.at)
        return refuse(core, WIRE_INVALID_REQUEST, "schedule",
                      "only the broker says that a schedule made a job");
    return 0;
}

static int check_values(struct core *core, const struct wire_spec *spec)
{
    if (spec->params.len > core->config.params_size_max)
        return refuse(core, WIRE_PAYLOAD_TOO_LARGE, "params", "expected at most %u bytes",
                      core->config.params_size_max);
    struct mp_reader metadata = mp_reader_of(spec->metadata);
    if (spec->metadata.len && mp_peek(&metadata) != MP_MAP)
        return refuse(core, WIRE_INVALID_REQUEST, "metadata", "expected a map");
    if (spec->run_at && spec->delay_ms)
        return refuse(core, WIRE_INVALID_REQUEST, "run_at",
                      "expected run_at or delay_ms, not both");
    if (spec->max_attempts.set && spec->max_attempts.value == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "max_attempts", "expected at least 1");
    if (spec->max_lost.set && spec->max_lost.value == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "max_lost", "expected at least 1");
    if (spec->timeout_ms.set && spec->timeout_ms.value == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "timeout_ms", "expected more than 0");
    return 0;
}

int submit_check(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    int rc = normalise(core, caller, spec);
    if (rc == 0)
        rc = check_name(core, spec->type, "type", TYPE_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->queue, "queue", QUEUE_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->owner, "owner", OWNER_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->group, "group", GROUP_LEN_MAX);
    return rc != 0 ? rc : check_values(core, spec);
}

/* What is wrong with the spec, and what is in the way of a job made of it now. */
static int check(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    int rc = submit_check(core, caller, spec);
    return rc != 0 ? rc : counter_admit(core, spec->queue, spec->type, spec->owner);
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
    struct slice a, b;
    rc = shape_keep(&core->record, &shape_spec, &stored, KEYS_NUMBERS, &a);
    if (rc == 0)
        rc = shape_keep(&core->scratch, &shape_spec, &given, KEYS_NUMBERS, &b);
    if (rc == 0)
        *same_out = slice_eq(a, b);
    return rc;
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

/* All that is in the way of one more job, those that were checked before it among them. */
static int check_new(struct core *core, const struct caller *caller, struct wire_spec *spec,
                     bool *exists_out)
{
    int rc = check(core, caller, spec);
    if (rc == 0)
        rc = check_id(core, spec, exists_out);
    return rc != 0 || *exists_out ? rc : queue_claim(core, spec->queue);
}

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
    };
    if (spec->delay_ms)
        job->s.due_at = core->now.wall_ms + spec->delay_ms;
}

static int make(struct core *core, struct wire_spec *spec)
{
    if (uuid_is_null(&spec->id))
        spec->id = uuid_next(&core->ids, core->now.wall_ms, core_draw(core));
    struct slice value;
    uint64_t filled = queue_fill_defaults(core, spec);
    int rc = shape_keep(&core->record, &shape_spec, spec, KEYS_NUMBERS, &value);
    if (rc == 0)
        rc = store_put(core->store, TABLE_SPEC, key_job(&spec->id), value);
    if (rc < 0)
        return rc;
    struct job *job = &core->job;
    birth(core, spec, job);
    job->s.defaulted = filled;
    rc = job_move(core, job, job->s.due_at > core->now.wall_ms ? JOB_SCHEDULED : JOB_PENDING);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("submitted"), .run_at = job->s.due_at};
    rc = job_emit(core, job, &event);
    if (rc < 0)
        return rc;
    rate_count(core, RATE_SUBMITTED, 1);
    return job_save(core, job);
}

static int answer_job(struct core *core, const struct uuid *id, bool whole)
{
    int rc = job_load(core, id, &core->job);
    if (rc != 0)
        return rc;
    struct wire_submit_answer answer = {.id = *id, .status = core->job.s.status};
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
                               .field = text_of(core->fault.field)};
    struct wire_submit_answer answer = {0};
    int rc = shape_keep(&core->nested, &shape_fault, &fault, KEYS_NAMES, &answer.error);
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_submit_answer, &answer, KEYS_NAMES);
}

int submit_make(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    bool exists;
    queue_claims_begin(core);
    int rc = check_new(core, caller, spec, &exists);
    return rc != 0 || exists ? rc : make(core, spec);
}

/* One job: checked, made unless it exists, answered. 0, REFUSED with nothing changed, -errno. */
static int submit_one(struct core *core, const struct caller *caller, struct wire_spec *spec,
                      bool whole)
{
    int rc = check_said(core, spec);
    if (rc == 0)
        rc = submit_make(core, caller, spec);
    return rc != 0 ? rc : answer_job(core, &spec->id, whole);
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

/* `ids` holds the ids that the clients made. */
static int check_unique(struct core *core, struct buf *ids)
{
    size_t count = ids->len / sizeof(struct uuid);
    struct uuid *at = (struct uuid *)(void *)ids->at;
    if (count < 2)
        return 0;
    qsort(at, count, sizeof *at, compare_ids);
    for (size_t i = 1; i < count; i++)
        if (uuid_eq(&at[i - 1], &at[i]))
            return refuse(core, WIRE_INVALID_REQUEST, "jobs", "the same id stands there twice");
    return 0;
}

/* All or none: the whole list is checked before the first job is made. */
static int check_all(struct core *core, const struct caller *caller, struct slice jobs)
{
    struct list_iter iter;
    struct wire_spec spec;
    int more = list_open(jobs, &iter) == 0 ? 1 : -1;
    queue_claims_begin(core);
    buf_clear(&core->answer); /* work space for the ids */
    while (more > 0 &&
           (more = list_next(&iter, &shape_spec, KEYS_NAMES, &spec, &core->fault)) == 1) {
        bool exists;
        int rc = check_said(core, &spec);
        if (rc == 0)
            rc = check_new(core, caller, &spec, &exists);
        if (rc == 0 && !uuid_is_null(&spec.id))
            rc = buf_append(&core->answer, &spec.id, sizeof spec.id);
        if (rc != 0)
            return rc < 0 ? rc : refuse_at(core, iter.index - 1);
    }
    return more < 0 ? refuse_at(core, iter.index) : check_unique(core, &core->answer);
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

int submit_room(struct core *core)
{
    if (core->event->no_room || core->event->free_bytes < core->config.reserve_bytes)
        return refuse(core, WIRE_STORE_FULL, "", "the broker's disk is full; nothing was kept");
    return 0;
}

static int check_submit(struct core *core, const struct session *session,
                        const struct msg_submit *submit)
{
    struct list_iter iter;
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer submits nothing");
    int rc = submit_room(core);
    if (rc != 0)
        return rc;
    if (list_open(submit->jobs, &iter) != 0 || iter.count == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "jobs", "expected a list of 1 to %d jobs",
                      BATCH_JOBS_MAX);
    if (submit->idempotency_key.at && !name_is_fit(submit->idempotency_key, KEY_LEN_MAX))
        return refuse(core, WIRE_INVALID_REQUEST, "idempotency_key",
                      "expected 1 to %d bytes without control characters", KEY_LEN_MAX);
    return 0;
}

int handle_submit(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_submit *submit = &message->submit;
    struct caller caller = caller_of(session, message);
    int rc = check_submit(core, session, submit);
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
