/* The timer table's owner: sets, unsets and handles what is due. */
#include "broker/core/timer.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/tooth.h"
#include "broker/core/ask.h"
#include "broker/core/deadline.h"
#include "broker/core/idempotency.h"
#include "broker/core/job.h"
#include "broker/core/operation.h"
#include "broker/core/parents.h"
#include "broker/core/schedule.h"

enum { SWEEP_SLICE = 256 }; /* rows of a deleted job removed in one batch */

static const struct slice nothing = {(const uint8_t *)"", 0};

int timer_set(struct core *core, uint64_t at, enum rec_timer kind, struct slice what)
{
    struct rec_key key;
    if (at < core->timer_next && kind != TIMER_FAMILY)
        core->timer_next = at;
    return store_put(core->store, TABLE_TIMER, key_timer(&key, at, kind, what), nothing);
}

int timer_unset(struct core *core, uint64_t at, enum rec_timer kind, struct slice what)
{
    struct rec_key key;
    int rc = store_del(core->store, TABLE_TIMER, key_timer(&key, at, kind, what));
    return rc < 0 ? rc : 0;
}

uint64_t timers_next(const struct core *core)
{
    return core->timer_next;
}

/* A due timer whose job has moved on means nothing: the move has unset it, or this is a repeat. */
static int due(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0 || job->s.status != JOB_SCHEDULED)
        return rc < 0 ? rc : 0;
    rc = job_move(core, job, JOB_PENDING);
    if (rc == 0)
        rc = job_emit_plain(core, job, "pending");
    return rc < 0 ? rc : job_save(core, job);
}

static int retire(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0 || !job_state_is_terminal(job->s.status))
        return rc < 0 ? rc : 0;
    struct uuid child;
    int needed = parents_needed(core, id, &child);
    if (needed < 0)
        return needed;
    if (job->s.ending || needed) { /* not yet: look again later */
        job->s.expires_at = needed ? put_off(core) : core->now.wall_ms + core->config.lost_after_ms;
        rc = timer_set(core, job->s.expires_at, TIMER_RETENTION, key_job(id));
        return rc < 0 ? rc : job_save(core, job);
    }
    return job_purge(core, job);
}

static int sweep(struct core *core, const struct uuid *id)
{
    static const enum store_table tables[] = {TABLE_EVENT, TABLE_LOG, TABLE_FAILURE, TABLE_ATTEMPT,
                                              TABLE_ANSWER};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct store_rows rows = {0};
        struct store_range range = {
            .table = tables[i], .prefix = key_job(id), .limit = SWEEP_SLICE};
        int rc = store_scan(core->store, &range, &rows);
        for (size_t r = 0; r < rows.count && rc >= 0; r++)
            rc = store_del(core->store, tables[i], rows.at[r].key);
        bool more = rows.count == SWEEP_SLICE;
        store_rows_fini(&rows);
        if (rc < 0 || more)
            return rc < 0 ? rc : timer_set(core, core->now.wall_ms, TIMER_SWEEP, key_job(id));
    }
    int more = parents_sweep(core, id, SWEEP_SLICE);
    return more > 0 ? timer_set(core, core->now.wall_ms, TIMER_SWEEP, key_job(id)) : more;
}

static int fire(struct core *core, enum rec_timer kind, struct slice what)
{
    struct uuid job;
    bool of_job = kind != TIMER_IDEMPOTENCY && kind != TIMER_SCHEDULE;
    if (of_job && key_uuid_parse(what, &job) != 0)
        return -EBADMSG;
    int rc = 0;
    switch (kind) {
    case TIMER_DUE:
        return due(core, &job);
    case TIMER_RETENTION:
        return retire(core, &job);
    case TIMER_QUESTION:
        return ask_expire(core, &job);
    case TIMER_SWEEP:
        return sweep(core, &job);
    case TIMER_TOMBSTONE:
        rc = store_del(core->store, TABLE_TOMBSTONE, what);
        break;
    case TIMER_IDEMPOTENCY:
        return idempotency_expire(core, what);
    case TIMER_OPERATION:
        return operation_expire(core, what);
    case TIMER_SCHEDULE:
        return schedule_fire(core, what);
    case TIMER_START_DEADLINE:
        return deadline_passed(core, &job);
    case TIMER_RESULT:
        return result_expire(core, &job);
    case TIMER_FAMILY: /* family_run's: none is found here */
        return -EBADMSG;
    }
    return rc < 0 ? rc : 0;
}

/* Deletes the timer and does what it is for. 1: it is not due yet. */
static int run_one(struct core *core, struct slice key)
{
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    if (key_timer_parse(key, &at, &kind, &what) != 0)
        return -EBADMSG;
    if (at > core->now.wall_ms + (TOOTH(early_timer) ? 1000 : 0)) {
        core->timer_next = at < core->timer_next ? at : core->timer_next;
        return 1;
    }
    int rc = store_del(core->store, TABLE_TIMER, key);
    return rc < 0 ? rc : fire(core, kind, what);
}

int timers_run(struct core *core)
{
    if (core->timer_next > core->now.wall_ms)
        return 0;
    struct store_rows rows = {0};
    static const uint8_t errands[] = {0, 0, 0, 0, 0, 0, 0, 0, 0xff}; /* end before this */
    struct store_range range = {
        .table = TABLE_TIMER, .after = {errands, sizeof errands}, .limit = TIMER_SLICE};
    int rc = store_scan(core->store, &range, &rows);
    core->timer_next = UINT64_MAX;
    for (size_t i = 0; i < rows.count && rc == 0; i++)
        rc = run_one(core, rows.at[i].key);
    if (rc == 0 && rows.count == TIMER_SLICE)
        core->timer_next = 0;
    store_rows_fini(&rows);
    return rc < 0 ? rc : 0;
}
