/* Checks the store's tables against each other. Written from record.h alone, not from the core. */
#include "tests/trace/invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "broker/store/record.h"

struct walk {
    struct store_snapshot *snapshot;
    int violations;
    uint64_t jobs[JOB_STATE_COUNT];
    size_t ready, leases, due, retention;
};

static void violated(struct walk *walk, const char *what, const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1] = "-";
    if (id)
        uuid_format(id, text);
    fprintf(stderr, "violated: %s (job %s)\n", what, text);
    walk->violations++;
}

static bool has(struct walk *walk, enum store_table table, struct slice key)
{
    struct slice value;
    return store_snapshot_get(walk->snapshot, table, key, &value) == 0;
}

typedef void visitor(struct walk *walk, enum store_table table, const struct store_row *row);

static void each(struct walk *walk, enum store_table table, visitor *visit)
{
    struct store_rows rows = {0};
    uint8_t last[STORE_KEY_MAX];
    size_t last_len = 0;
    do {
        struct store_range range = {.table = table, .after = {last, last_len}, .limit = 500};
        CHECK(store_snapshot_scan(walk->snapshot, &range, &rows) == 0);
        for (size_t i = 0; i < rows.count; i++)
            visit(walk, table, &rows.at[i]);
        if (rows.count) {
            struct slice key = rows.at[rows.count - 1].key;
            memcpy(last, key.at, last_len = key.len);
        }
    } while (rows.count);
    store_rows_fini(&rows);
}

static void check_times(struct walk *walk, const struct rec_state *s, const struct uuid *id)
{
    struct rec_key key;
    bool terminal = job_state_is_terminal(s->status);
    if ((s->status == JOB_SCHEDULED) !=
        has(walk, TABLE_TIMER, key_timer(&key, s->due_at, TIMER_DUE, key_job(id))))
        violated(walk, "scheduled <=> due timer", id);
    if (terminal !=
        has(walk, TABLE_TIMER, key_timer(&key, s->expires_at, TIMER_RETENTION, key_job(id))))
        violated(walk, "finished <=> retention timer", id);
    if (terminal != (s->completed_at != 0))
        violated(walk, "finished <=> completed_at", id);
    walk->due += s->status == JOB_SCHEDULED;
    walk->retention += terminal;
}

static void check_state(struct walk *walk, enum store_table table, const struct store_row *row)
{
    (void)table;
    struct rec_state s;
    struct fault fault;
    struct uuid id;
    struct rec_key key;
    if (key_uuid_parse(row->key, &id) != 0 ||
        shape_decode(row->value, &shape_rec_state, KEYS_NUMBERS, &s, &fault) != 0) {
        violated(walk, "a state can be read", NULL);
        return;
    }
    walk->jobs[s.status]++;
    if (!has(walk, TABLE_SPEC, key_job(&id)))
        violated(walk, "a state has its spec", &id);
    if (!has(walk, TABLE_STATUS, key_status(&key, s.status, s.created_at, &id)))
        violated(walk, "a state has its status row", &id);
    if ((s.status == JOB_PENDING) != has(walk, TABLE_READY, key_ready(&key, &s, &id)))
        violated(walk, "pending <=> ready row", &id);
    bool leased = s.status == JOB_RUNNING || s.ending;
    if (leased != has(walk, TABLE_LEASE, key_fence(&key, s.fence)))
        violated(walk, "running or ending <=> lease row", &id);
    if ((s.status == JOB_COMPLETED) != has(walk, TABLE_RESULT, key_job(&id)))
        violated(walk, "completed <=> result", &id);
    if (s.rev == 0 || !has(walk, TABLE_EVENT, key_job_n(&key, &id, s.rev)))
        violated(walk, "the last rev has its event", &id);
    walk->ready += s.status == JOB_PENDING;
    walk->leases += leased;
    check_times(walk, &s, &id);
}

static void count_row(struct walk *walk, enum store_table table, const struct store_row *row)
{
    if (table == TABLE_READY)
        walk->ready--;
    else if (table == TABLE_LEASE)
        walk->leases--;
    else if (table == TABLE_TIMER) {
        uint64_t at;
        enum rec_timer kind;
        struct slice what;
        if (key_timer_parse(row->key, &at, &kind, &what) != 0)
            violated(walk, "a timer can be read", NULL);
        else if (kind == TIMER_DUE)
            walk->due--;
        else if (kind == TIMER_RETENTION)
            walk->retention--;
    }
}

/* Rows of one job must have their job, or wait for the sweep of a deleted one. */
static void check_owner(struct walk *walk, enum store_table table, const struct store_row *row)
{
    struct uuid id;
    struct slice job = {row->key.at, row->key.len < 16 ? row->key.len : 16};
    if (key_uuid_parse(job, &id) != 0)
        violated(walk, store_table_name(table), NULL);
    else if (!has(walk, TABLE_STATE, key_job(&id)) && !has(walk, TABLE_TOMBSTONE, key_job(&id)))
        violated(walk, "a row of a job has its job", &id);
}

static void check_counter(struct walk *walk, enum store_table table, const struct store_row *row)
{
    (void)table;
    char dimension;
    struct text name;
    enum job_state status;
    if (key_counter_parse(row->key, &dimension, &name, &status) != 0 || row->value.len != 8)
        violated(walk, "a counter can be read", NULL);
    else if (dimension == 'a' && status != JOB_NONE &&
             get_be64(row->value.at) != walk->jobs[status])
        violated(walk, "a counter is the recount", NULL);
}

int invariants_check(struct store *store)
{
    static const enum store_table owned[] = {TABLE_SPEC,  TABLE_RESULT,  TABLE_EVENT,     TABLE_LOG,
                                             TABLE_STAGE, TABLE_FAILURE, TABLE_CHECKPOINT};
    struct walk walk = {0};
    CHECK(store_snapshot_open(store, &walk.snapshot) == 0);
    each(&walk, TABLE_STATE, check_state);
    each(&walk, TABLE_READY, count_row);
    each(&walk, TABLE_LEASE, count_row);
    each(&walk, TABLE_TIMER, count_row);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        each(&walk, owned[i], check_owner);
    each(&walk, TABLE_COUNTER, check_counter);
    if (walk.ready || walk.leases || walk.due || walk.retention)
        violated(&walk, "no ready, lease or timer row without its job", NULL);
    store_snapshot_close(&walk.snapshot);
    return walk.violations;
}
