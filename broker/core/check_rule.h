/* What a rule of the check is written with. Only check*.c includes this.
 *
 * A rule is a function `int check_NAME(struct check *check, const struct store_row *row)` with a
 * row in checks.def. It is called for every row of its table, in the order of keys; `row` lives
 * through the call. It looks up what must be there beside it, and says check_violated for each
 * thing that is not as it must be; it never stops at the first. It returns 0, or what one of these
 * functions returned < 0: then the check ends.
 *
 *     int check_result(struct check *check, const struct store_row *row)
 *     {
 *         struct rec_state s;
 *         struct uuid job;
 *         int rc = check_job_of(check, row->key, &job, &s);
 *         if (rc == 0 && s.status != JOB_COMPLETED)
 *             rc = check_violated(check, "that its job is completed");
 *         return rc < 0 ? rc : 0;
 *     }
 *
 * Both directions are needed: the record's rule says which index rows it must have, the index's
 * rule that its record wants this very row. What only the whole table tells (sums) is gathered in
 * struct check and compared by a FINISH rule; keep it small, a store may have ten million jobs. */
#ifndef REEVE_BROKER_CORE_CHECK_RULE_H
#define REEVE_BROKER_CORE_CHECK_RULE_H

#include "broker/core/check.h"
#include "broker/store/record.h"

struct check_name; /* a recount: check_count.c */

/* Where the rows of one job in a table keyed job | n stand: they come without a gap. */
struct check_series {
    struct uuid job;
    uint64_t last;
};

struct check {
    struct store_snapshot *snapshot;
    core_check_report *report;
    void *context;
    struct check_figures figures;

    enum store_table table; /* of the row that is looked at */
    struct slice key;       /* its key */
    struct buf line;        /* work space of check_violated */

    struct uuid job;    /* of the last check_job that found one */
    struct rec_state s; /* its state */
    struct buf state;   /* and the bytes behind that */
    struct check_name *names;
    uint64_t fence, arrival, seq; /* the numbers that never go back, from META */
    struct check_series event, log, failure, attempt, answer, parent;
    uint64_t journal_seq, journal_total; /* of the record before */
    uint64_t cause, cause_left; /* the cause whose jobs come, and how many must */
};

typedef int check_rule(struct check *check, const struct store_row *row);
typedef int check_finish(struct check *check);

/* Reports `TABLE KEY: expected …`, of the row that is looked at. Write what was expected: "that its
 * job is completed", "a row in ready". Returns STORE_NOT_FOUND (so that rules can go on by it), or
 * -ENOMEM. */
int check_violated(struct check *check, const char *expected, ...)
    __attribute__((format(printf, 2, 3)));

/* 1 there is such a row, 0 there is none; -errno. With `value_out` (may be NULL) its value, which
 * lives until the next lookup. */
int check_has(struct check *check, enum store_table table, struct slice key,
              struct slice *value_out);

/* Reports unless there is such a row (`wanted`), or unless there is none (not `wanted`). 0, also
 * when it was reported; -errno. */
int check_wants(struct check *check, bool wanted, enum store_table table, struct slice key);

/* Reads a job's state. 0; STORE_NOT_FOUND there is none, or it can't be read (its own rule tells);
 * -errno. The texts in it live until the next check_job or check_job_of. */
int check_job(struct check *check, const struct uuid *id, struct rec_state *state_out);

/* The same, of a row of the state table. STORE_NOT_FOUND: it can't be read; check_state tells. */
int check_state_of(struct check *check, const struct store_row *row, struct uuid *id_out,
                   struct rec_state *state_out);

/* For a table whose keys begin with a job: the id, and its state. Reports a key without an id, and
 * a row without its job. 0, STORE_NOT_FOUND (reported), -errno. */
int check_job_of(struct check *check, struct slice key, struct uuid *id_out,
                 struct rec_state *state_out);

/* The same for a table keyed job | n whose rows may wait for the sweep of a deleted job. 0 with the
 * state; STORE_NOT_FOUND: nothing to compare with (told, if it is wrong); -errno. */
int check_job_or_deleted(struct check *check, struct slice key, struct uuid *id_out,
                         struct rec_state *state_out);

/* Of such a row: the job's rows go from `first` to below `end` without a gap. */
int check_series(struct check *check, struct check_series *series, const struct uuid *id,
                 const struct store_row *row, uint64_t first, uint64_t end);

/* Reports bytes that are no record of `shape`. 0 (value_out is filled), STORE_NOT_FOUND, -errno. */
int check_shape(struct check *check, const struct shape *shape, enum shape_keys keys,
                struct slice value, void *value_out);

/* Reports bytes that are not one msgpack value, a key that is not one id, a value that is not empty
 * (an index). 0, STORE_NOT_FOUND (reported), -ENOMEM. */
int check_any(struct check *check, struct slice value);
int check_uuid(struct check *check, struct slice bytes, struct uuid *id_out);
int check_empty(struct check *check, const struct store_row *row);

/* Of a row of the timer table that is an errand of family.c's. */
int check_errand(struct check *check, uint64_t at, struct slice what);

/* Does a start deadline still run? Does the result have a time at which it goes? */
bool check_awaits_start(const struct rec_state *s);
bool check_keeps_result(const struct rec_state *s);

#define RULE(TABLE, function) check_rule function;
#define FINISH(function)      check_finish function;
#include "broker/core/checks.def"
#undef RULE
#undef FINISH

/* Frees what the recount holds. */
void check_count_fini(struct check *check);

#endif
