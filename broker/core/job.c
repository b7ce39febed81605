/* One job's records. The only code that writes a job's status, its indexes and its events. */
#include "broker/core/job.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/tooth.h"
#include "broker/core/cause.h"
#include "broker/core/counter.h"
#include "broker/core/deadline.h"
#include "broker/core/effects.h"
#include "broker/core/family.h"
#include "broker/core/index.h"
#include "broker/core/journal.h"
#include "broker/core/operation.h"
#include "broker/core/rate.h"
#include "broker/core/timer.h"
#include "broker/core/unique.h"

static const struct slice nothing = {(const uint8_t *)"", 0};

int job_load(struct core *core, const struct uuid *id, struct job *job)
{
    struct slice value;
    int rc = store_get(core->store, TABLE_STATE, key_job(id), &value);
    if (rc != 0)
        return rc;
    buf_clear(&job->bytes);
    rc = buf_append(&job->bytes, value.at, value.len);
    if (rc < 0)
        return rc;
    struct fault fault;
    if (shape_decode(buf_slice(&job->bytes), &shape_rec_state, KEYS_NUMBERS, &job->s, &fault) != 0)
        return -EBADMSG;
    job->id = *id;
    return 0;
}

int job_save(struct core *core, struct job *job)
{
    core->changed = true;
    buf_clear(&core->record);
    int rc = shape_encode(&core->record, &shape_rec_state, &job->s, KEYS_NUMBERS);
    if (rc < 0)
        return rc;
    return store_put(core->store, TABLE_STATE, key_job(&job->id), buf_slice(&core->record));
}

static int leave(struct core *core, const struct job *job)
{
    struct rec_key key;
    enum job_state from = job->s.status;
    if (from == JOB_NONE)
        return 0;
    int rc = 0;
    if (from == JOB_PENDING)
        rc = store_del(core->store, TABLE_READY, key_ready(&key, &job->s, &job->id));
    else if (from == JOB_SCHEDULED && !TOOTH(due_timer_stays))
        rc = timer_unset(core, job->s.due_at, TIMER_DUE, key_job(&job->id));
    else if (from == JOB_WAITING)
        rc = timer_unset(core, job->s.question_until, TIMER_QUESTION, key_job(&job->id));
    else if (job_state_is_terminal(from))
        rc = timer_unset(core, job->s.expires_at, TIMER_RETENTION, key_job(&job->id));
    if (rc >= 0 && from == JOB_FAILED)
        rc = cause_remove(core, job);
    if (rc >= 0)
        rc = deadline_leave(core, job);
    return rc < 0 ? rc : 0;
}

static int enter_pending(struct core *core, struct job *job)
{
    struct rec_key key;
    job->s.ready_at = job->s.due_at > job->s.created_at ? job->s.due_at : job->s.created_at;
    if (job->s.lost > 0) /* it may have been its worker's end: behind those that wait */
        job->s.ready_at = core->now.wall_ms;
    job->s.ready_seq = ++core->arrival;
    core->suspects |= job->s.alone;
    core->numbers_dirty = true;
    return store_put(core->store, TABLE_READY, key_ready(&key, &job->s, &job->id), nothing);
}

static uint64_t retention_of(const struct core *core, const struct job *job, enum job_state to)
{
    uint64_t otherwise = to == JOB_CANCELLED ? RETENTION_CANCELLED_MS : core->config.retention_ms;
    return opt_or(job->s.retention_ms, otherwise);
}

static int enter_terminal(struct core *core, struct job *job, enum job_state to)
{
    job->s.completed_at = core->now.wall_ms;
    job->s.expires_at = core->now.wall_ms + retention_of(core, job, to);
    if (to == JOB_COMPLETED)
        rate_count(core, RATE_COMPLETED, 1);
    else if (to == JOB_FAILED)
        rate_count(core, RATE_FAILED, 1);
    operation_job_ended(core, job, to);
    int rc = timer_set(core, job->s.expires_at, TIMER_RETENTION, key_job(&job->id));
    if (rc == 0 && to == JOB_FAILED)
        rc = cause_add(core, job);
    if (rc == 0)
        rc = family_tell_children(core, job);
    return rc < 0 || job->s.ending ? rc : job_over(core, job);
}

static int enter(struct core *core, struct job *job, enum job_state to)
{
    int rc = 0;
    if (to == JOB_PENDING)
        rc = enter_pending(core, job);
    else if (to == JOB_SCHEDULED)
        rc = timer_set(core, job->s.due_at, TIMER_DUE, key_job(&job->id));
    else if (to == JOB_WAITING)
        rc = timer_set(core, job->s.question_until, TIMER_QUESTION, key_job(&job->id));
    else if (job_state_is_terminal(to))
        rc = enter_terminal(core, job, to);
    return rc < 0 ? rc : deadline_enter(core, job, to);
}

int job_over(struct core *core, const struct job *job)
{
    int rc = unique_leave(core, job);
    return rc < 0 ? rc : family_tell_parents(core, job);
}

int job_move(struct core *core, struct job *job, enum job_state to)
{
    enum job_state from = job->s.status;
    CHECK(job_state_may(from, to));
    core->changed = true;
    int rc = leave(core, job);
    if (rc == 0)
        rc = enter(core, job, to);
    if (rc == 0)
        rc = index_move(core, &job->s, &job->id, from, to);
    if (rc < 0)
        return rc;
    counter_move(core, &job->s, from, to);
    job->s.status = to;
    job->s.updated_at = core->now.wall_ms;
    return 0;
}

static int publish(struct core *core, const struct job *job, struct wire_event *event)
{
    if (!core->effects->watched)
        return 0;
    event->owner = job->s.owner;
    event->queue = job->s.queue;
    event->job_type = job->s.type;
    struct message message = {.id = MSG_EVENT_IS};
    int rc = shape_keep(&core->nested, &shape_event, event, KEYS_NAMES, &message.event_is.event);
    if (rc < 0)
        return rc;
    return effects_add(core->effects, EFFECT_PUBLISH, 0, &job->id, &message);
}

/* A question's event only points at its row in the answer table. */
static int point_at_question(struct core *core, const struct job *job, struct wire_event *row)
{
    struct wire_question pointer = {.n = job->s.question_n};
    row->answer = (struct slice){0};
    return shape_keep(&core->nested, &shape_question, &pointer, KEYS_NAMES, &row->question);
}

/* job and rev are in the key; a log event only points at its line, which the log table has. */
static int event_row(struct core *core, const struct job *job, const struct wire_event *event,
                     struct slice *value_out)
{
    struct wire_event row = *event;
    row.job = (struct uuid){{0}};
    row.rev = 0;
    struct wire_log pointer = {.seq = job->s.log_next};
    int rc = 0;
    if (event->log.len)
        rc = shape_keep(&core->nested, &shape_log, &pointer, KEYS_NAMES, &row.log);
    else if (event->question.len)
        rc = point_at_question(core, job, &row);
    return rc < 0 ? rc : shape_keep(&core->record, &shape_event, &row, KEYS_NUMBERS, value_out);
}

static int event_keep(struct core *core, struct job *job, const struct wire_event *event)
{
    struct slice value;
    int rc = event_row(core, job, event, &value);
    struct rec_key key;
    if (rc == 0)
        rc = store_put(core->store, TABLE_EVENT, key_job_n(&key, &job->id, job->s.rev), value);
    if (rc == 0 && job->s.rev - job->s.event_first >= EVENTS_MAX)
        rc = store_del(core->store, TABLE_EVENT, key_job_n(&key, &job->id, job->s.event_first++));
    return rc < 0 ? rc : 0;
}

int job_emit(struct core *core, struct job *job, struct wire_event *event)
{
    job->s.rev += TOOTH(rev_skips) && text_is(event->type, "lost") ? 2 : 1;
    job->s.updated_at = core->now.wall_ms;
    if (job->s.event_first == 0)
        job->s.event_first = 1;
    core->seq++;
    core->numbers_dirty = true;
    event->job = job->id;
    event->rev = job->s.rev;
    event->seq = core->seq;
    event->status = job->s.status;
    if (event->at == 0)
        event->at = core->now.wall_ms;
    int rc = event_keep(core, job, event);
    if (rc == 0)
        rc = journal_add(core, job, event);
    return rc < 0 ? rc : publish(core, job, event);
}

int job_emit_plain(struct core *core, struct job *job, const char *type)
{
    struct wire_event event = {.type = text_of(type)};
    return job_emit(core, job, &event);
}

static int drop_records(struct core *core, const struct job *job)
{
    static const enum store_table tables[] = {TABLE_SPEC, TABLE_STATE, TABLE_RESULT, TABLE_STAGE,
                                              TABLE_CHECKPOINT};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        int rc = store_del(core->store, tables[i], key_job(&job->id));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int leave_tombstone(struct core *core, const struct job *job)
{
    uint8_t at[8];
    put_be64(at, core->now.wall_ms);
    int rc =
        store_put(core->store, TABLE_TOMBSTONE, key_job(&job->id), (struct slice){at, sizeof at});
    if (rc == 0)
        rc =
            timer_set(core, core->now.wall_ms + IDEMPOTENCY_MS, TIMER_TOMBSTONE, key_job(&job->id));
    if (rc == 0)
        rc = timer_set(core, core->now.wall_ms, TIMER_SWEEP, key_job(&job->id));
    return rc;
}

int job_purge(struct core *core, struct job *job)
{
    CHECK(job_state_is_terminal(job->s.status) && !job->s.ending);
    core->changed = true;
    int rc = leave(core, job);
    if (rc == 0)
        rc = index_move(core, &job->s, &job->id, job->s.status, JOB_NONE);
    if (rc == 0)
        rc = drop_records(core, job);
    if (rc == 0 && !TOOTH(no_tombstone))
        rc = leave_tombstone(core, job);
    if (rc < 0)
        return rc;
    counter_move(core, &job->s, job->s.status, JOB_NONE);
    struct wire_event event = {.type = TEXT("deleted"),
                               .job = job->id,
                               .rev = job->s.rev + 1,
                               .seq = ++core->seq,
                               .at = core->now.wall_ms,
                               .status = job->s.status};
    core->numbers_dirty = true;
    rc = journal_add(core, job, &event);
    return rc < 0 ? rc : publish(core, job, &event);
}

int spec_get(struct core *core, const struct uuid *id, struct wire_spec *spec_out)
{
    struct slice value;
    int rc = store_get(core->store, TABLE_SPEC, key_job(id), &value);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG; /* a state without its spec */
    struct fault fault;
    return shape_decode(value, &shape_spec, KEYS_NUMBERS, spec_out, &fault) == 0 ? 0 : -EBADMSG;
}

int shape_keep(struct buf *buf, const struct shape *shape, const void *value, enum shape_keys keys,
               struct slice *slice_out)
{
    buf_clear(buf);
    int rc = shape_encode(buf, shape, value, keys);
    *slice_out = buf_slice(buf);
    return rc;
}
