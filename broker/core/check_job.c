/* The check's rules of a job: its two records, and the indexes that find it. */
#include "base/endian.h"
#include "broker/core/check_rule.h"

static bool is_leased(const struct rec_state *s)
{
    return s->status == JOB_RUNNING || s->ending;
}

static int most(struct check *check, uint64_t number, uint64_t highest, const char *what)
{
    if (number <= highest)
        return 0;
    return check_violated(check, "no %s above %llu, the highest given so far", what,
                          (unsigned long long)highest);
}

int check_spec(struct check *check, const struct store_row *row)
{
    struct wire_spec spec;
    struct rec_state s;
    struct uuid id;
    int rc = check_job_of(check, row->key, &id, &s);
    int read = rc < 0 ? rc : check_shape(check, &shape_spec, KEYS_NUMBERS, row->value, &spec);
    if (rc == 0 && read == 0 && !text_eq(spec.type, s.type))
        read =
            check_violated(check, "the type that its state has, %.*s", (int)s.type.len, s.type.at);
    return read;
}

int check_state(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    int rc = check_state_of(check, row, &id, &s);
    if (rc < 0)
        return rc;
    if (rc == STORE_NOT_FOUND)
        return check_violated(check, "the id of a job, and its state as the value");
    rc = most(check, s.fence, check->fence, "fence");
    return rc < 0 ? rc : most(check, s.ready_seq, check->arrival, "place in line");
}

static int check_bounds(struct check *check, const struct rec_state *s, const struct uuid *id)
{
    struct rec_key key;
    int rc = 0;
    if (s->rev == 0 || s->event_first == 0 || s->event_first > s->rev)
        rc = check_violated(check, "that it has events");
    else
        rc = check_wants(check, true, TABLE_EVENT, key_job_n(&key, id, s->rev));
    if (rc >= 0 && s->event_first > 0)
        rc = check_wants(check, true, TABLE_EVENT, key_job_n(&key, id, s->event_first));
    if (rc >= 0 && s->log_next > 0)
        rc = check_wants(check, true, TABLE_LOG, key_job_n(&key, id, s->log_next));
    if (rc >= 0 && s->log_next > 0)
        rc = check_wants(check, true, TABLE_LOG, key_job_n(&key, id, s->log_first));
    if (rc >= 0 && s->failure_n > 0)
        rc = check_wants(check, true, TABLE_FAILURE, key_job_n(&key, id, s->failure_n - 1));
    return rc;
}

int check_state_rows(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    struct rec_key key;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0)
        return rc;
    rc = check_wants(check, true, TABLE_SPEC, key_job(&id));
    if (rc == 0)
        rc = check_wants(check, true, TABLE_STATUS,
                         key_status(&key, s.status, queue_is_system(s.queue), s.created_at, &id));
    if (rc == 0)
        rc = check_wants(check, s.status == JOB_PENDING, TABLE_READY, key_ready(&key, &s, &id));
    if (rc == 0)
        rc = check_wants(check, is_leased(&s), TABLE_LEASE, key_fence(&key, s.fence));
    if (rc == 0)
        rc = check_wants(check, s.status == JOB_COMPLETED && !s.result_gone, TABLE_RESULT,
                         key_job(&id));
    if (rc == 0 && s.checkpointed)
        rc = check_wants(check, true, TABLE_CHECKPOINT, key_job(&id));
    if (rc == 0)
        rc = check_wants(check, false, TABLE_TOMBSTONE, key_job(&id));
    return rc < 0 ? rc : check_bounds(check, &s, &id);
}

int check_state_times(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    struct rec_key key;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0)
        return rc;
    bool terminal = job_state_is_terminal(s.status);
    rc = check_wants(check, s.status == JOB_SCHEDULED, TABLE_TIMER,
                     key_timer(&key, s.due_at, TIMER_DUE, key_job(&id)));
    if (rc == 0)
        rc = check_wants(check, terminal, TABLE_TIMER,
                         key_timer(&key, s.expires_at, TIMER_RETENTION, key_job(&id)));
    if (rc == 0 && s.start_by)
        rc = check_wants(check, check_awaits_start(&s), TABLE_TIMER,
                         key_timer(&key, s.start_by, TIMER_START_DEADLINE, key_job(&id)));
    if (rc == 0 && s.result_until)
        rc = check_wants(check, check_keeps_result(&s), TABLE_TIMER,
                         key_timer(&key, s.result_until, TIMER_RESULT, key_job(&id)));
    if (rc == 0 && terminal != (s.completed_at != 0))
        rc = check_violated(check, "completed_at %s", terminal ? "of a finished job" : "absent");
    return rc;
}

int check_ready(struct check *check, const struct store_row *row)
{
    struct rec_ready ready;
    struct rec_state s;
    struct rec_key key;
    if (key_ready_parse(row->key, &ready) != 0)
        return check_violated(check, "a key of this table");
    int rc = check_job_of(check, key_job(&ready.job), &ready.job, &s);
    if (rc != 0)
        return rc;
    if (s.status != JOB_PENDING || !slice_eq(key_ready(&key, &s, &ready.job), row->key))
        rc = check_violated(check, "a pending job that stands in this place");
    return rc < 0 ? rc : check_empty(check, row);
}

int check_status(struct check *check, const struct store_row *row)
{
    enum job_state status;
    bool system;
    uint64_t created;
    struct uuid id;
    struct rec_state s;
    if (key_status_parse(row->key, &status, &system, &created, &id) != 0)
        return check_violated(check, "a key of this table");
    int rc = check_job_of(check, key_job(&id), &id, &s);
    if (rc == 0 &&
        (s.status != status || s.created_at != created || queue_is_system(s.queue) != system))
        rc = check_violated(check, "a job of this status, time and kind of queue");
    return rc != 0 ? rc : check_empty(check, row);
}

/* The job's name in a dimension of the index. */
static struct text name_in(const struct rec_state *s, char dimension)
{
    return dimension == 'o' ? s->owner : dimension == 't' ? s->type : s->queue;
}

int check_state_index(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    struct rec_key key;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0 || s.status == JOB_NONE)
        return rc; /* told by its other rules */
    for (const char *dimension = "otq"; *dimension && rc == 0; dimension++)
        rc = check_wants(check, true, TABLE_INDEX,
                         key_index(&key, *dimension, name_in(&s, *dimension), class_of(s.status),
                                   queue_is_system(s.queue), s.created_at, &id));
    return rc;
}

int check_index(struct check *check, const struct store_row *row)
{
    struct rec_index index;
    struct rec_state s;
    struct rec_key key;
    struct uuid id;
    if (key_index_parse(row->key, &index) != 0 || !strchr("otq", index.dimension))
        return check_violated(check, "a key of this table");
    int rc = check_job_of(check, key_job(&index.job), &id, &s);
    if (rc != 0)
        return rc;
    struct slice wanted =
        key_index(&key, index.dimension, name_in(&s, index.dimension), class_of(s.status),
                  queue_is_system(s.queue), s.created_at, &id);
    if (!slice_eq(wanted, row->key))
        rc = check_violated(check, "a job of this name, class and time");
    return rc != 0 ? rc : check_empty(check, row);
}

int check_lease(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    if (row->key.len != 8)
        return check_violated(check, "a fence as its key");
    int rc = check_job_of(check, row->value, &id, &s);
    if (rc == 0 && (s.fence != get_be64(row->key.at) || !is_leased(&s)))
        rc = check_violated(check, "a job that runs or ends under this fence");
    return rc;
}
