/* The check's rules of a job's runs: the black box of each, and what it asked. */
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
    struct rec_key key;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0)
        return rc;
    rc = check_ends(check, TABLE_ATTEMPT, &id, first_kept(s.attempt_n, ATTEMPTS_KEPT_MAX),
                    s.attempt_n);
    if (rc == 0)
        rc = check_ends(check, TABLE_ANSWER, &id, first_kept(s.question_n, ANSWERS_KEPT_MAX),
                        s.question_n);
    if (rc == 0)
        rc = check_wants(check, s.status == JOB_WAITING, TABLE_TIMER,
                         key_timer(&key, s.question_until, TIMER_QUESTION, key_job(&id)));
    if (rc == 0 && s.resumes && s.status != JOB_PENDING && !job_state_is_terminal(s.status))
        rc = check_violated(check, "that only a pending job is about to go on");
    return rc;
}

/* Only the last question of a waiting job is open; an earlier one may have been left so by a job
 * that was cancelled, or failed, while it waited. */
int check_answer(struct check *check, const struct store_row *row)
{
    struct uuid id;
    struct rec_state s;
    struct wire_answered answered;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    bool there = rc == 0;
    if (there)
        rc = check_series(check, &check->answer, &id, row,
                          first_kept(s.question_n, ANSWERS_KEPT_MAX), s.question_n);
    if (rc >= 0)
        rc = check_shape(check, &shape_answered, KEYS_NUMBERS, row->value, &answered);
    if (rc != 0 || !there)
        return rc < 0 ? rc : 0;
    bool last = check->answer.last + 1 == s.question_n;
    bool open = last && s.status == JOB_WAITING;
    if (open && (answered.answer.len > 0 || answered.expires_at != s.question_until))
        rc = check_violated(check, "a question that is open until its timer");
    if (last && s.resumes && answered.answer.len == 0)
        rc = check_violated(check, "the answer that its job goes on with");
    return rc < 0 ? rc : 0;
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
