/* The check's rules of a job's runs: the black box of each. */
#include "base/endian.h"
#include "broker/core/check_rule.h"

/* The first of the `total` rows that is still kept. */
static uint64_t first_kept(uint64_t total, uint64_t most)
{
    return total > most ? total - most : 0;
}

/* The ends of what is kept are there; what stands between has rules of its own. */
static int check_ends(struct check *check, enum store_table table, const struct uuid *id,
                      uint64_t first, uint64_t total)
{
    struct rec_key key;
    if (total == 0)
        return 0;
    int rc = check_wants(check, true, table, key_job_n(&key, id, first));
    return rc < 0 ? rc : check_wants(check, true, table, key_job_n(&key, id, total - 1));
}

int check_state_runs(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0)
        return rc;
    return check_ends(check, TABLE_ATTEMPT, &id, first_kept(s.attempt_n, ATTEMPTS_KEPT_MAX),
                      s.attempt_n);
}

int check_attempt(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct wire_attempt attempt;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    if (rc == 0)
        rc = check_series(check, &check->attempt, &id, row,
                          first_kept(s.attempt_n, ATTEMPTS_KEPT_MAX), s.attempt_n);
    if (rc >= 0)
        rc = check_shape(check, &shape_attempt, KEYS_NUMBERS, row->value, &attempt);
    if (rc == 0 && (attempt.outcome.len == 0 || attempt.fence == 0 || attempt.fence > check->fence))
        rc = check_violated(check, "a run that has ended, under a fence up to %llu",
                            (unsigned long long)check->fence);
    return rc;
}
