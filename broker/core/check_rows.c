/* The check's rules of what belongs to a job or stands alone: events, logs, results, timers, stored
 * answers, tombstones. */
#include "base/cron.h"
#include "base/endian.h"
#include "broker/core/check_rule.h"

int check_meta(struct check *check, const struct store_row *row)
{
    static const char *const numbers[] = {"fence", "arrival", "seq"};
    struct text name = slice_text(row->key);
    bool good = true;
    if (text_is(name, META_FORMAT))
        good = row->value.len == 4 && get_be32(row->value.at) == FORMAT_VERSION;
    else if (text_is(name, META_INSTANCE))
        good = row->value.len == sizeof(struct uuid);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        good &= !text_is(name, numbers[i]) || row->value.len == 8;
    return good ? 0 : check_violated(check, "a value of this name's kind");
}

int check_result(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    int rc = check_job_of(check, row->key, &id, &s);
    if (rc == 0 && s.status != JOB_COMPLETED)
        rc = check_violated(check, "that its job is completed");
    return rc < 0 ? rc : check_any(check, row->value);
}

/* --- series: job | n, without a gap between the bounds that the state has ----------------------
 */

int check_job_or_deleted(struct check *check, struct slice key, struct uuid *id_out,
                         struct rec_state *s_out)
{
    if (key.len != sizeof id_out->at + 8)
        return check_violated(check, "a key of this table");
    memcpy(id_out->at, key.at, sizeof id_out->at);
    int rc = check_job(check, id_out, s_out);
    if (rc != STORE_NOT_FOUND)
        return rc;
    rc = check_has(check, TABLE_TOMBSTONE, key_job(id_out), NULL);
    if (rc != 0)
        return rc < 0 ? rc : STORE_NOT_FOUND;
    return check_violated(check, "that its job exists, or was deleted less than a day ago");
}

int check_series(struct check *check, struct check_series *series, const struct uuid *id,
                 const struct store_row *row, uint64_t first, uint64_t end)
{
    uint64_t n = get_be64(row->key.at + sizeof *id);
    bool follows = uuid_eq(&series->job, id) ? n == series->last + 1 : n == first;
    *series = (struct check_series){*id, n};
    if (follows && n < end)
        return 0;
    return check_violated(check, "the job's rows from %llu to below %llu without a gap",
                          (unsigned long long)first, (unsigned long long)end);
}

int check_event(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct wire_event event;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    if (rc == 0)
        rc = check_series(check, &check->event, &id, row, s.event_first, s.rev + 1);
    if (rc >= 0)
        rc = check_shape(check, &shape_event, KEYS_NUMBERS, row->value, &event);
    if (rc == 0 && (event.seq == 0 || event.seq > check->seq))
        rc = check_violated(check, "a seq from 1 to %llu, the highest given so far",
                            (unsigned long long)check->seq);
    return rc;
}

int check_log(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct wire_log log;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    if (rc == 0)
        rc = check_series(check, &check->log, &id, row, s.log_first, s.log_next + 1);
    return rc < 0 ? rc : check_shape(check, &shape_log, KEYS_NUMBERS, row->value, &log);
}

int check_failure(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct wire_failure failure;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    if (rc == 0) {
        uint64_t first = s.failure_n > ERRORS_MAX ? s.failure_n - ERRORS_MAX : 0;
        rc = check_series(check, &check->failure, &id, row, first, s.failure_n);
    }
    return rc < 0 ? rc : check_shape(check, &shape_failure, KEYS_NAMES, row->value, &failure);
}

/* --- one row a job -----------------------------------------------------------------------------
 */

int check_stage(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct list_iter iter;
    struct wire_stage stage;
    struct fault fault;
    int rc = check_job_of(check, row->key, &id, &s);
    int more = list_open(row->value, &iter) == 0 ? 1 : -1;
    while (more == 1)
        more = list_next(&iter, &shape_stage, KEYS_NAMES, &stage, &fault);
    return rc < 0 || more == 0 ? rc : check_violated(check, "a list of stages");
}

int check_checkpoint(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    int rc = check_job_of(check, row->key, &id, &s);
    if (rc == 0 && !s.checkpointed)
        rc = check_violated(check, "that its job says it has one");
    return rc < 0 ? rc : check_any(check, row->value);
}

/* --- what stands alone -------------------------------------------------------------------------
 */

int check_idempotency(struct check *check, const struct store_row *row)
{
    struct rec_idempotency answer;
    struct rec_key key;
    int rc = check_shape(check, &shape_rec_idempotency, KEYS_NUMBERS, row->value, &answer);
    if (rc != 0)
        return rc;
    return check_wants(check, true, TABLE_TIMER,
                       key_timer(&key, answer.at + IDEMPOTENCY_MS, TIMER_IDEMPOTENCY, row->key));
}

int check_tombstone(struct check *check, const struct store_row *row)
{
    struct rec_key key;
    struct uuid id;
    int rc = check_uuid(check, row->key, &id);
    if (rc == 0 && row->value.len != 8)
        rc = check_violated(check, "a time as its value");
    if (rc != 0)
        return rc;
    uint64_t over = get_be64(row->value.at) + IDEMPOTENCY_MS;
    return check_wants(check, true, TABLE_TIMER, key_timer(&key, over, TIMER_TOMBSTONE, row->key));
}

/* What a timer is for must still want it. */
static int check_timer_of_job(struct check *check, uint64_t at, enum rec_timer kind,
                              struct slice what)
{
    struct uuid id;
    struct rec_state s;
    int rc = check_uuid(check, what, &id);
    if (rc == 0)
        rc = check_job_of(check, what, &id, &s);
    if (rc != 0)
        return rc;
    bool wanted = job_state_is_terminal(s.status) && s.expires_at == at;
    if (kind == TIMER_DUE)
        wanted = s.status == JOB_SCHEDULED && s.due_at == at;
    else if (kind == TIMER_QUESTION)
        wanted = s.status == JOB_WAITING && s.question_until == at;
    else if (kind == TIMER_RESULT)
        wanted = check_keeps_result(&s) && s.result_until == at;
    else if (kind == TIMER_START_DEADLINE)
        wanted = check_awaits_start(&s) && s.start_by == at;
    return wanted ? 0 : check_violated(check, "a job that waits for this time");
}

static int check_timer_of_schedule(struct check *check, uint64_t at, struct slice what)
{
    struct rec_key key;
    struct rec_schedule r;
    struct slice value;
    int found = check_has(check, TABLE_SCHEDULE, key_schedule_what(&key, 'h', what), &value);
    int rc = found == 1 ? check_shape(check, &shape_rec_schedule, KEYS_NUMBERS, value, &r) : found;
    if (rc < 0 || (found == 1 && rc == 0 && r.next_at == at))
        return rc < 0 ? rc : 0;
    return check_violated(check, "a schedule that ticks then");
}

int check_timer(struct check *check, const struct store_row *row)
{
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    if (key_timer_parse(row->key, &at, &kind, &what) != 0)
        return check_violated(check, "a key of this table");
    int rc = check_empty(check, row);
    if (rc < 0)
        return rc;
    switch (kind) {
    case TIMER_DUE:
    case TIMER_RETENTION:
    case TIMER_QUESTION:
    case TIMER_START_DEADLINE:
    case TIMER_RESULT:
        return check_timer_of_job(check, at, kind, what);
    case TIMER_TOMBSTONE:
    case TIMER_SWEEP:
        return check_wants(check, true, TABLE_TOMBSTONE, what);
    case TIMER_IDEMPOTENCY:
        return check_wants(check, true, TABLE_IDEMPOTENCY, what);
    case TIMER_OPERATION:
        return check_wants(check, true, TABLE_OPERATION, what);
    case TIMER_FAMILY:
        return check_errand(check, at, what);
    case TIMER_SCHEDULE:
        return check_timer_of_schedule(check, at, what);
    }
    return 0;
}

/* --- schedules: a head and a spec each, a timer while there is a next tick -----------------------
 */

static int check_schedule_head(struct check *check, const struct store_row *row, struct slice what)
{
    struct rec_key key;
    struct rec_schedule r;
    struct cron cron;
    struct cron_fault fault;
    int rc = check_shape(check, &shape_rec_schedule, KEYS_NUMBERS, row->value, &r);
    if (rc == 0 && cron_parse(r.cron, &cron, &fault) != 0)
        rc = check_violated(check, "a cron expression (%s %s)", fault.field, fault.problem);
    if (rc == 0 && r.paused && r.next_at)
        rc = check_violated(check, "no next tick: it is paused");
    if (rc == 0 && r.next_at)
        rc =
            check_wants(check, true, TABLE_TIMER, key_timer(&key, r.next_at, TIMER_SCHEDULE, what));
    if (rc < 0)
        return rc;
    return check_wants(check, true, TABLE_SCHEDULE, key_schedule_what(&key, 's', what));
}

static int check_schedule_spec(struct check *check, const struct store_row *row, struct text owner,
                               struct slice what)
{
    struct rec_key key;
    struct wire_spec spec;
    int rc = check_shape(check, &shape_spec, KEYS_NUMBERS, row->value, &spec);
    if (rc == 0 && !text_eq(spec.owner, owner))
        rc = check_violated(check, "jobs of its owner");
    if (rc < 0)
        return rc;
    return check_wants(check, true, TABLE_SCHEDULE, key_schedule_what(&key, 'h', what));
}

int check_schedule(struct check *check, const struct store_row *row)
{
    char kind;
    struct text owner, name;
    if (key_schedule_parse(row->key, &kind, &owner, &name) != 0)
        return check_violated(check, "a key of this table");
    struct slice what = {row->key.at + 1, row->key.len - 1};
    return kind == 'h' ? check_schedule_head(check, row, what)
                       : check_schedule_spec(check, row, owner, what);
}
