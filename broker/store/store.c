/* The store's contract, enforced once for every implementation: order of calls, bounds, and rows.
 * Must never know which implementation it talks to.
 */
#include "broker/store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

static const char *const table_names[STORE_TABLE_COUNT] = {
#define TABLE(number, NAME, name, what) [TABLE_##NAME] = #name,
#include "broker/store/tables.def"
#undef TABLE
};

const char *store_table_name(enum store_table table)
{
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    return table_names[table];
}

/* --- rows ------------------------------------------------------------------------------------ */

void store_rows_clear(struct store_rows *rows)
{
    rows->count = 0;
    buf_clear(&rows->bytes);
}

void store_rows_fini(struct store_rows *rows)
{
    free(rows->at);
    buf_fini(&rows->bytes);
    *rows = (struct store_rows){0};
}

static int rows_reserve(struct store_rows *rows)
{
    if (rows->count < rows->cap)
        return 0;
    size_t cap = rows->cap == 0 ? 16 : rows->cap * 2;
    struct store_row *at = realloc(rows->at, cap * sizeof *at);
    if (!at)
        return -ENOMEM;
    rows->at = at;
    rows->cap = cap;
    return 0;
}

/* The bytes may still move, so only the lengths are written down here. */
int store_rows_add(struct store_rows *rows, struct slice key, struct slice value)
{
    if (rows_reserve(rows) < 0 || buf_reserve(&rows->bytes, key.len + value.len) < 0)
        return -ENOMEM;
    CHECK(buf_append(&rows->bytes, key.at, key.len) == 0);
    CHECK(buf_append(&rows->bytes, value.at, value.len) == 0);
    rows->at[rows->count++] = (struct store_row){{NULL, key.len}, {NULL, value.len}};
    return 0;
}

void store_rows_finish(struct store_rows *rows)
{
    const uint8_t *at = rows->bytes.at;
    for (size_t i = 0; i < rows->count; i++) {
        struct store_row *row = &rows->at[i];
        row->key.at = at;
        row->value.at = at + row->key.len;
        at += row->key.len + row->value.len;
    }
}

/* --- checks ---------------------------------------------------------------------------------- */

static void check_key(enum store_table table, struct slice key)
{
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    CHECK(key.at && key.len > 0 && key.len <= STORE_KEY_MAX);
}

static void check_range(const struct store_range *range)
{
    CHECK((unsigned)range->table < STORE_TABLE_COUNT);
    CHECK(range->prefix.len <= STORE_KEY_MAX && range->after.len <= STORE_KEY_MAX);
}

/* --- batches --------------------------------------------------------------------------------- */

int store_begin(struct store *store)
{
    CHECK(store->phase == STORE_IDLE);
    int rc = store->ops->begin(store);
    if (rc == 0)
        store->phase = STORE_IN_BATCH;
    return rc;
}

int store_get(struct store *store, enum store_table table, struct slice key,
              struct slice *value_out)
{
    CHECK(store->phase != STORE_COMMIT_FAILED);
    check_key(table, key);
    return store->ops->get(store, table, key, value_out);
}

int store_put(struct store *store, enum store_table table, struct slice key, struct slice value)
{
    CHECK(store->phase == STORE_IN_BATCH);
    check_key(table, key);
    CHECK(value.len <= STORE_VALUE_MAX && (value.at || value.len == 0));
    return store->ops->put(store, table, key, value);
}

int store_del(struct store *store, enum store_table table, struct slice key)
{
    CHECK(store->phase == STORE_IN_BATCH);
    check_key(table, key);
    return store->ops->del(store, table, key);
}

int store_scan(struct store *store, const struct store_range *range, struct store_rows *rows)
{
    CHECK(store->phase != STORE_COMMIT_FAILED);
    check_range(range);
    return store->ops->scan(store, range, rows);
}

int store_savepoint(struct store *store)
{
    CHECK(store->phase == STORE_IN_BATCH);
    return store->ops->savepoint(store);
}

void store_rollback(struct store *store)
{
    CHECK(store->phase == STORE_IN_BATCH);
    store->ops->rollback(store);
}

int store_commit(struct store *store)
{
    CHECK(store->phase == STORE_IN_BATCH);
    int rc = store->ops->commit(store);
    store->phase = rc == 0 ? STORE_IDLE : STORE_COMMIT_FAILED;
    return rc;
}

void store_abort(struct store *store)
{
    CHECK(store->phase != STORE_IDLE);
    store->ops->abort(store);
    store->phase = STORE_IDLE;
}

/* --- snapshots and the rest ------------------------------------------------------------------ */

int store_snapshot_open(struct store *store, struct store_snapshot **snapshot_out)
{
    return store->ops->snapshot_open(store, snapshot_out);
}

int store_snapshot_get(struct store_snapshot *snapshot, enum store_table table, struct slice key,
                       struct slice *value_out)
{
    check_key(table, key);
    return snapshot->ops->snapshot_get(snapshot, table, key, value_out);
}

int store_snapshot_scan(struct store_snapshot *snapshot, const struct store_range *range,
                        struct store_rows *rows)
{
    check_range(range);
    return snapshot->ops->snapshot_scan(snapshot, range, rows);
}

void store_snapshot_close(struct store_snapshot **snapshot)
{
    if (*snapshot)
        (*snapshot)->ops->snapshot_close(snapshot);
}

int store_info(struct store *store, struct store_info *info_out)
{
    return store->ops->info(store, info_out);
}

void store_close(struct store **store)
{
    if (*store)
        (*store)->ops->close(store);
}
