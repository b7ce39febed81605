/* The check's rules of operations on many jobs, and of failed jobs by their cause. */
#include "base/endian.h"
#include "broker/core/check_rule.h"

int check_operation(struct check *check, const struct store_row *row)
{
    struct rec_operation record;
    struct wire_operation operation;
    struct rec_key key;
    struct uuid id;
    int rc = check_uuid(check, row->key, &id);
    if (rc == 0)
        rc = check_shape(check, &shape_rec_operation, KEYS_NUMBERS, row->value, &record);
    if (rc == 0)
        rc = check_shape(check, &shape_operation, KEYS_NAMES, record.operation, &operation);
    if (rc != 0)
        return rc;
    if (!uuid_eq(&operation.id, &id))
        rc = check_violated(check, "the id that its key says");
    if (rc < 0 || text_is(operation.status, "running"))
        return rc;
    return check_wants(
        check, true, TABLE_TIMER,
        key_timer(&key, operation.ended_at + OPERATION_KEPT_MS, TIMER_OPERATION, row->key));
}

/* The count of the cause before this row has to be used up. */
static int end_cause(struct check *check)
{
    uint64_t left = check->cause_left;
    check->cause_left = 0;
    return left == 0 ? 0
                     : check_violated(check, "before this key %llu more jobs of its cause",
                                      (unsigned long long)left);
}

static int begin_cause(struct check *check, const struct store_row *row)
{
    struct rec_cause record;
    int rc = end_cause(check);
    if (rc >= 0)
        rc = check_shape(check, &shape_rec_cause, KEYS_NUMBERS, row->value, &record);
    if (rc != 0)
        return rc;
    check->cause = get_be64(row->key.at);
    check->cause_left = record.count;
    return record.count > 0 ? 0 : check_violated(check, "a count of at least 1");
}

/* A cause's own row comes first, then one for each of its jobs. */
int check_cause(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    if (row->key.len == 8)
        return begin_cause(check, row);
    if (row->key.len != 32)
        return check_violated(check, "a key of this table");
    if (get_be64(row->key.at) != check->cause || check->cause_left-- == 0) {
        check->cause_left = 0;
        return check_violated(check, "a row of its cause that counts it");
    }
    int rc = check_job_of(check, (struct slice){row->key.at + 16, 16}, &id, &s);
    if (rc == 0 && (s.status != JOB_FAILED || s.cause != check->cause ||
                    s.completed_at != get_be64(row->key.at + 8)))
        rc = check_violated(check, "a job that failed of this cause then");
    return rc != 0 ? rc : check_empty(check, row);
}

/* The row that was read last is gone by now: told of the cause's own key. */
int check_causes_counted(struct check *check)
{
    struct rec_key key;
    if (check->cause_left == 0)
        return 0;
    check->table = TABLE_CAUSE;
    check->key = key_cause(&key, check->cause);
    int rc = check_violated(check, "%llu more jobs of this cause",
                            (unsigned long long)check->cause_left);
    return rc < 0 ? rc : 0;
}

/* Jobs that failed before causes were kept have none. */
int check_state_cause(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct rec_key key;
    struct uuid id;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0 || s.cause == 0)
        return rc < 0 ? rc : 0;
    return check_wants(check, s.status == JOB_FAILED, TABLE_CAUSE,
                       key_cause_job(&key, s.cause, s.completed_at, &id));
}
