/* Damage, planted row by row.
 * Must never leave a store other than it was. */
#include "tests/trace/damage.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/check.h"
#include "broker/store/record.h"

enum { ROWS = 100000 };

/* What is done to a row. */
enum mutation {
    REMOVED,
    MOVED,    /* to another key: the last byte differs */
    SCRIBBLED /* another value, which is nothing */
};

static const char *const mutation_names[] = {"removed", "moved to another key", "scribbled over"};

/* What nothing else in the store tells of, and why. */
static const struct {
    enum store_table table;
    enum mutation mutation;
    const char *why;
} unnoticed[] = {
    {TABLE_META, REMOVED, "a number that is still zero is as good as absent"},
    {TABLE_META, MOVED, "a name that nobody knows is left alone"},
    {TABLE_STAGE, REMOVED, "a job need not have stages"},
    {TABLE_OPERATION, REMOVED, "one that runs stands alone"},
    {TABLE_QUEUE, REMOVED, "a queue need not have settings"},
    {TABLE_QUEUE, MOVED, "they may be any queue's"},
    {TABLE_BUDGET, REMOVED, "a budget need not have settings"},
    {TABLE_BUDGET, MOVED, "they may be any budget's"},
};

/* A count of nothing is as good as absent; so is how many were ever submitted, once they are gone.
 */
static bool counts_nothing(enum store_table table, const struct store_row *row)
{
    static const uint8_t zero[8];
    return table == TABLE_COUNTER && (slice_eq(row->value, (struct slice){zero, sizeof zero}) ||
                                      row->key.at[row->key.len - 1] == JOB_NONE);
}

/* The time of a sweep stands nowhere else. */
static bool is_sweep(enum store_table table, const struct store_row *row)
{
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    return table == TABLE_TIMER && key_timer_parse(row->key, &at, &kind, &what) == 0 &&
           kind == TIMER_SWEEP;
}

/* An errand that cancels a tree stands alone. */
static bool is_cancel(enum store_table table, const struct store_row *row)
{
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    return table == TABLE_TIMER && key_timer_parse(row->key, &at, &kind, &what) == 0 &&
           kind == TIMER_FAMILY && what.len > 16 && what.at[16] == 'c';
}

/* The oldest is trimmed some day, and how far the newest goes stands nowhere else. */
static bool is_end_of_journal(enum store_table table, size_t i, size_t count)
{
    return table == TABLE_JOURNAL && (i == 0 || i + 1 == count);
}

static bool is_exempt(enum store_table table, const struct store_row *row, enum mutation mutation)
{
    if (mutation != SCRIBBLED &&
        (counts_nothing(table, row) || is_sweep(table, row) || is_cancel(table, row)))
        return true;
    for (size_t i = 0; i < sizeof unnoticed / sizeof *unnoticed; i++)
        if (unnoticed[i].table == table && unnoticed[i].mutation == mutation)
            return true;
    return false;
}

/* Rows of a deleted job wait for the sweep: some may be gone already. */
static bool is_being_swept(struct store *store, const struct store_row *row)
{
    struct uuid id;
    struct slice value;
    struct slice head = {row->key.at, row->key.len < sizeof id.at ? row->key.len : sizeof id.at};
    return row->key.len > sizeof id.at && key_uuid_parse(head, &id) == 0 &&
           store_get(store, TABLE_TOMBSTONE, key_job(&id), &value) == 0;
}

static struct slice moved_key(const struct store_row *row, struct rec_key *key)
{
    memcpy(key->at, row->key.at, key->len = row->key.len);
    key->at[key->len - 1] ^= 1;
    return (struct slice){key->at, key->len};
}

static void plant(struct store *store, enum store_table table, const struct store_row *row,
                  enum mutation mutation)
{
    static const uint8_t nothing[] = {0xc1};
    struct rec_key key;
    CHECK(store_begin(store) == 0);
    if (mutation == SCRIBBLED)
        CHECK(store_put(store, table, row->key, (struct slice){nothing, sizeof nothing}) == 0);
    else
        CHECK(store_del(store, table, row->key) == 0);
    if (mutation == MOVED)
        CHECK(store_put(store, table, moved_key(row, &key), row->value) == 0);
    CHECK(store_commit(store) == 0);
}

static void mend(struct store *store, enum store_table table, const struct store_row *row,
                 enum mutation mutation)
{
    struct rec_key key;
    CHECK(store_begin(store) == 0);
    if (mutation == MOVED)
        CHECK(store_del(store, table, moved_key(row, &key)) == 0);
    CHECK(store_put(store, table, row->key, row->value) == 0);
    CHECK(store_commit(store) == 0);
}

static void say_nothing(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static int violations(struct store *store)
{
    struct store_snapshot *snapshot;
    CHECK(store_snapshot_open(store, &snapshot) == 0);
    int found = core_check(snapshot, say_nothing, NULL, NULL);
    store_snapshot_close(&snapshot);
    CHECK(found >= 0);
    return found;
}

/* Would a moved row push another one away? */
static bool is_taken(struct store *store, enum store_table table, const struct store_row *row)
{
    struct rec_key key;
    struct slice value;
    return store_get(store, table, moved_key(row, &key), &value) == 0;
}

static int damage_row(struct store *store, enum store_table table, const struct store_row *row,
                      enum mutation mutation)
{
    plant(store, table, row, mutation);
    int found = violations(store);
    mend(store, table, row, mutation);
    if (found > 0)
        return 0;
    struct buf text = {0};
    CHECK(key_describe(table, row->key, &text) == 0);
    fprintf(stderr, "nobody noticed: a row of %s %s: %.*s\n", store_table_name(table),
            mutation_names[mutation], (int)text.len, (const char *)text.at);
    buf_fini(&text);
    return 1;
}

static int damage_table(struct store *store, enum store_table table, uint64_t *planted_out)
{
    struct store_rows rows = {0};
    struct store_range range = {.table = table, .limit = ROWS};
    int missed = 0;
    CHECK(store_scan(store, &range, &rows) == 0 && rows.count < ROWS);
    for (size_t i = 0; i < rows.count; i++) {
        if (is_being_swept(store, &rows.at[i]))
            continue;
        for (enum mutation mutation = REMOVED; mutation <= SCRIBBLED; mutation++) {
            if (is_exempt(table, &rows.at[i], mutation) ||
                (mutation == REMOVED && is_end_of_journal(table, i, rows.count)) ||
                (mutation == MOVED && is_taken(store, table, &rows.at[i])))
                continue;
            missed += damage_row(store, table, &rows.at[i], mutation);
            ++*planted_out;
        }
    }
    store_rows_fini(&rows);
    return missed;
}

int damage_everywhere(struct store *store, uint64_t *planted_out)
{
    int missed = 0;
    for (unsigned table = 0; table < STORE_TABLE_COUNT; table++)
        missed += damage_table(store, (enum store_table)table, planted_out);
    return missed;
}
