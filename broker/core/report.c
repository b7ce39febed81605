/* What handlers report. Changes a job's progress, stages, logs and checkpoint, never its status. */
#include "broker/core/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/tooth.h"

#include "broker/core/gather.h"
#include "broker/core/job.h"
#include "broker/core/lease.h"
#include "broker/core/reply.h"

static const char *const levels[] = {"debug", "info", "warning", "error"};

static int keep_progress(struct core *core, struct job *job, const struct wire_report_item *item)
{
    struct wire_progress progress;
    struct fault fault;
    if (shape_decode(item->progress, &shape_progress, KEYS_NAMES, &progress, &fault) != 0)
        return 0;
    job->s.progress = item->progress;
    struct wire_event event = {
        .type = TEXT("progress"), .at = item->at, .progress = item->progress};
    return job_emit(core, job, &event);
}

static bool has_ended(const struct wire_stage *stage)
{
    return !text_is(stage->status, "running") && !text_is(stage->status, "pending");
}

/* What a report leaves out stands; a stage's clock (`at`: the worker's) runs from its start to its
 * end. */
static void carry_on(const struct wire_stage *before, struct wire_stage *stage, uint64_t at)
{
    if (text_is(stage->status, "completed"))
        stage->progress = f64_of(1);
    else if (before && !stage->progress.set)
        stage->progress = before->progress;
    stage->started_at = before ? before->started_at : 0;
    if (stage->started_at == 0 && !text_is(stage->status, "pending"))
        stage->started_at = at;
    if (before && has_ended(before) && has_ended(stage))
        stage->duration_seconds = before->duration_seconds;
    else if (stage->started_at && at >= stage->started_at)
        stage->duration_seconds = f64_of((double)(at - stage->started_at) / 1000.0);
}

/* Rewrites the list with `stage` in its place, or at its end. */
static int merge_stage(struct core *core, struct slice list, uint64_t at, struct wire_stage *stage,
                       struct slice *merged_out)
{
    struct list_iter iter;
    struct wire_stage row;
    struct fault fault;
    size_t mark;
    uint32_t count = 0;
    bool found = false;
    buf_clear(&core->scratch);
    int rc = list_begin(&core->scratch, &mark);
    if (rc < 0 || list_open(list, &iter) != 0)
        return rc < 0 ? rc : -EBADMSG;
    while (rc == 0 && list_next(&iter, &shape_stage, KEYS_NAMES, &row, &fault) == 1) {
        bool same = text_eq(row.name, stage->name);
        if (same)
            carry_on(&row, stage, at);
        found |= same;
        rc = shape_encode(&core->scratch, &shape_stage, same ? stage : &row, KEYS_NAMES);
        count++;
    }
    if (rc == 0 && !found && count < STAGES_MAX) {
        carry_on(NULL, stage, at);
        rc = shape_encode(&core->scratch, &shape_stage, stage, KEYS_NAMES);
        count++;
    }
    list_end(&core->scratch, mark, count);
    *merged_out = buf_slice(&core->scratch);
    return rc;
}

static int keep_stage(struct core *core, struct job *job, const struct wire_report_item *item)
{
    struct wire_stage stage;
    struct fault fault;
    if (shape_decode(item->stage, &shape_stage, KEYS_NAMES, &stage, &fault) != 0 ||
        stage.name.len == 0)
        return 0; /* the library checks what handlers say; a broken item has no stage to keep */
    if (stage.status.len == 0)
        stage.status = TEXT("running");
    struct slice list = {0}, merged;
    uint64_t at = item->at ? item->at : core->now.wall_ms;
    int rc = store_get(core->store, TABLE_STAGE, key_job(&job->id), &list);
    if (rc >= 0)
        rc = merge_stage(core, list, at, &stage, &merged);
    if (rc == 0)
        rc = store_put(core->store, TABLE_STAGE, key_job(&job->id), merged);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("stage"), .at = item->at};
    rc = shape_keep(&core->value, &shape_stage, &stage, KEYS_NAMES, &event.stage);
    return rc < 0 ? rc : job_emit(core, job, &event);
}

/* Drops the oldest lines until the job is within its bounds again. */
static int trim_log(struct core *core, struct job *job)
{
    while (job->s.log_next - job->s.log_first + 1 > LOGS_MAX || job->s.log_bytes > LOGS_SIZE_MAX) {
        struct rec_key key;
        struct slice value;
        struct slice oldest = key_job_n(&key, &job->id, job->s.log_first);
        int rc = store_get(core->store, TABLE_LOG, oldest, &value);
        if (rc == 0) {
            job->s.log_bytes -= value.len < job->s.log_bytes ? value.len : job->s.log_bytes;
            rc = store_del(core->store, TABLE_LOG, oldest);
        }
        if (rc < 0)
            return rc;
        job->s.log_first++;
    }
    return 0;
}

static bool is_level(struct text level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (text_is(level, levels[i]))
            return true;
    return false;
}

static int keep_log(struct core *core, struct job *job, const struct wire_report_item *item)
{
    struct wire_log log;
    struct fault fault;
    if (shape_decode(item->log, &shape_log, KEYS_NAMES, &log, &fault) != 0)
        return 0;
    log.seq = ++job->s.log_next;
    log.at = item->at ? item->at : core->now.wall_ms;
    if (!is_level(log.level))
        log.level = TEXT("info");
    if (job->s.log_first == 0)
        job->s.log_first = 1;
    struct slice value;
    struct rec_key key;
    struct wire_event event = {.type = TEXT("log"), .at = log.at};
    int rc = shape_keep(&core->value, &shape_log, &log, KEYS_NAMES, &event.log);
    if (rc == 0)
        rc = shape_keep(&core->scratch, &shape_log, &log, KEYS_NUMBERS, &value);
    if (rc == 0)
        rc = store_put(core->store, TABLE_LOG, key_job_n(&key, &job->id, log.seq), value);
    if (rc < 0)
        return rc;
    job->s.log_bytes += value.len;
    rc = trim_log(core, job);
    return rc < 0 ? rc : job_emit(core, job, &event);
}

static int keep_checkpoint(struct core *core, struct job *job, const struct wire_report_item *item)
{
    job->s.checkpointed = !TOOTH(checkpoint_forgotten);
    int rc = store_put(core->store, TABLE_CHECKPOINT, key_job(&job->id), item->checkpoint);
    return rc < 0 ? rc : job_emit_plain(core, job, "checkpoint");
}

/* What was done to end the handler, and why where that was no cancel. */
static int keep_step(struct core *core, struct job *job, const struct wire_report_item *item)
{
    static const struct {
        const char *step, *words;
    } steps[] = {
        {"told", "told to stop"}, {"sigterm", "SIGTERM sent"}, {"sigkill", "SIGKILL sent"}};
    struct wire_step step;
    struct fault fault;
    char reason[64];
    if (shape_decode(item->step, &shape_step, KEYS_NAMES, &step, &fault) != 0)
        return 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!text_is(step.step, steps[i].step))
            continue;
        bool why = step.reason.len > 0 && !text_is(step.reason, "cancelled");
        snprintf(reason, sizeof reason, "%s%s%.*s", steps[i].words, why ? ": " : "",
                 why ? (int)step.reason.len : 0, step.reason.at);
        struct wire_event event = {
            .type = TEXT("stopping"), .at = item->at, .reason = text_of(reason)};
        return job_emit(core, job, &event);
    }
    return 0; /* of a newer worker */
}

static int keep(struct core *core, struct job *job, const struct wire_report_item *item)
{
    job->s.report_n = item->n;
    int rc = 0;
    if (item->progress.len)
        rc = keep_progress(core, job, item);
    else if (item->stage.len)
        rc = keep_stage(core, job, item);
    else if (item->log.len)
        rc = keep_log(core, job, item);
    else if (item->checkpoint.len)
        rc = keep_checkpoint(core, job, item);
    else if (item->step.len)
        rc = keep_step(core, job, item);
    return rc < 0 ? rc : job_save(core, job);
}

/* Under another fence, from another session or a second time it is not kept, but answered all the
 * same: its worker may forget it. After a cancel only the steps towards the handler's end are. */
static int report_one(struct core *core, const struct session *session,
                      const struct wire_report_item *item)
{
    struct lease *lease = lease_find(core, item->fence, &item->job);
    if (!lease || !lease_is_held_by(lease, session) || (lease->ending && item->step.len == 0))
        return 0;
    struct job *job = &core->job;
    int rc = job_load(core, &item->job, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    if (item->n <= job->s.report_n && !TOOTH(report_twice))
        return 0;
    lease_heard(core, lease);
    return keep(core, job, item);
}

int handle_report(struct core *core, struct session *session, const struct message *message)
{
    struct list_iter iter;
    struct wire_report_item item;
    int more;
    if (list_open(message->report.items, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "items", "expected a list");
    while ((more = list_next(&iter, &shape_report_item, KEYS_NAMES, &item, &core->fault)) == 1) {
        int rc = report_one(core, session, &item);
        if (rc < 0)
            return rc;
        struct wire_reported_item reported = {.job = item.job, .fence = item.fence, .n = item.n};
        rc = gather_add(core, session, &session->worker->reported, &shape_reported_item, &reported);
        if (rc < 0)
            return rc;
    }
    return more < 0 ? reply_fault(core) : 0;
}
