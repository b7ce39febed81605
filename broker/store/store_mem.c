/* Sorted arrays of rows, and a list of what to undo.
 * Must never share code with the store it is the oracle for, but for rows and the contract.
 */
#include "broker/store/store_mem.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "broker/store/store.h"

/* Key and value in one piece of memory; never changed, only replaced. */
struct row {
    size_t key_len, value_len;
    uint8_t bytes[];
};

struct table {
    struct row **rows;
    size_t count, cap;
};

/* What a key's row was before a change; NULL: there was none. Both rows are owned. */
struct change {
    enum store_table table;
    struct row *before;
    struct row *key; /* a row of the key alone */
};

struct store_mem {
    struct store store;
    struct table tables[STORE_TABLE_COUNT];
    struct change *changes; /* of this batch, in order */
    size_t change_count, change_cap, mark;
    int failed;
    uint64_t commits, fail_in;
    int fail_error;
    bool fail_applied;
};

struct mem_snapshot {
    struct store_snapshot snapshot;
    struct table tables[STORE_TABLE_COUNT];
};

static struct store_mem *of(struct store *store)
{
    return (struct store_mem *)store;
}

/* --- rows and tables ------------------------------------------------------------------------- */

static struct slice row_key(const struct row *row)
{
    return (struct slice){row->bytes, row->key_len};
}

static struct slice row_value(const struct row *row)
{
    return (struct slice){row->bytes + row->key_len, row->value_len};
}

static struct row *row_new(struct slice key, struct slice value)
{
    struct row *row = malloc(sizeof *row + key.len + value.len);
    if (!row)
        return NULL;
    row->key_len = key.len;
    row->value_len = value.len;
    memcpy(row->bytes, key.at, key.len);
    if (value.len > 0)
        memcpy(row->bytes + key.len, value.at, value.len);
    return row;
}

static int key_cmp(struct slice a, struct slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int sign = shorter > 0 ? memcmp(a.at, b.at, shorter) : 0;
    if (sign != 0)
        return sign;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* The index of the first row with a key not smaller than `key`. */
static size_t table_search(const struct table *table, struct slice key)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_cmp(row_key(table->rows[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct row *table_row(const struct table *table, size_t index, struct slice key)
{
    if (index == table->count || key_cmp(row_key(table->rows[index]), key) != 0)
        return NULL;
    return table->rows[index];
}

static int table_reserve(struct table *table)
{
    if (table->count < table->cap)
        return 0;
    size_t cap = table->cap == 0 ? 64 : table->cap * 2;
    struct row **rows = realloc(table->rows, cap * sizeof *rows);
    if (!rows)
        return -ENOMEM;
    table->rows = rows;
    table->cap = cap;
    return 0;
}

/* Makes `row` what the table has for the key, NULL: nothing. Returns what it had. There is room. */
static struct row *table_set(struct table *table, struct slice key, struct row *row)
{
    size_t index = table_search(table, key);
    struct row *before = table_row(table, index, key);
    struct row **at = table->rows + index;
    if (before && row) {
        *at = row;
    } else if (row) {
        memmove(at + 1, at, (table->count - index) * sizeof *at);
        *at = row;
        table->count++;
    } else if (before) {
        table->count--;
        memmove(at, at + 1, (table->count - index) * sizeof *at);
    }
    return before;
}

static void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i]);
    free(table->rows);
    *table = (struct table){0};
}

static bool begins_with(struct slice key, struct slice prefix)
{
    return key.len >= prefix.len && (prefix.len == 0 || memcmp(key.at, prefix.at, prefix.len) == 0);
}

/* The index of the first row behind all those with this prefix. */
static size_t table_search_behind(const struct table *table, struct slice prefix)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slice key = row_key(table->rows[middle]);
        if (begins_with(key, prefix) || key_cmp(key, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The rows [first, end) that a range asks for, before its limit. */
static void table_window(const struct table *table, const struct store_range *range,
                         size_t *first_out, size_t *end_out)
{
    size_t first = table_search(table, range->prefix);
    size_t end = table_search_behind(table, range->prefix);
    if (range->after.len > 0) {
        size_t after = table_search(table, range->after);
        if (range->reverse)
            end = after < end ? after : end;
        else if (after >= first)
            first = after + (table_row(table, after, range->after) ? 1 : 0);
    }
    *first_out = first;
    *end_out = first < end ? end : first;
}

static int table_scan(const struct table *table, const struct store_range *range,
                      struct store_rows *rows)
{
    size_t first;
    size_t end;
    table_window(table, range, &first, &end);
    store_rows_clear(rows);
    for (size_t i = 0; i < end - first && i < range->limit; i++) {
        const struct row *row = table->rows[range->reverse ? end - 1 - i : first + i];
        int rc = store_rows_add(rows, row_key(row), row_value(row));
        if (rc < 0) {
            store_rows_clear(rows);
            return rc;
        }
    }
    store_rows_finish(rows);
    return 0;
}

static int table_get(const struct table *table, struct slice key, struct slice *value_out)
{
    const struct row *row = table_row(table, table_search(table, key), key);
    if (row)
        *value_out = row_value(row);
    return row ? 0 : STORE_NOT_FOUND;
}

/* --- batches --------------------------------------------------------------------------------- */

static void change_fini(struct change *change)
{
    free(change->before);
    free(change->key);
}

static void undo_to(struct store_mem *mem, size_t mark)
{
    while (mem->change_count > mark) {
        struct change *change = &mem->changes[--mem->change_count];
        free(table_set(&mem->tables[change->table], row_key(change->key), change->before));
        change->before = NULL;
        change_fini(change);
    }
}

static void forget_changes(struct store_mem *mem)
{
    for (size_t i = 0; i < mem->change_count; i++)
        change_fini(&mem->changes[i]);
    mem->change_count = mem->mark = 0;
}

static int reserve_change(struct store_mem *mem)
{
    if (mem->change_count < mem->change_cap)
        return 0;
    size_t cap = mem->change_cap == 0 ? 64 : mem->change_cap * 2;
    struct change *changes = realloc(mem->changes, cap * sizeof *changes);
    if (!changes)
        return -ENOMEM;
    mem->changes = changes;
    mem->change_cap = cap;
    return 0;
}

/* Sets a key's row (NULL: none), writing down what it was. Takes `row`, also when it fails. */
static int change_to(struct store_mem *mem, enum store_table number, struct slice key,
                     struct row *row)
{
    struct table *table = &mem->tables[number];
    struct row *name = row_new(key, (struct slice){0});
    if (!name || reserve_change(mem) < 0 || table_reserve(table) < 0) {
        free(row);
        free(name);
        return -ENOMEM;
    }
    struct row *before = table_set(table, row_key(name), row);
    mem->changes[mem->change_count++] = (struct change){number, before, name};
    return 0;
}

static int begin(struct store *store)
{
    return of(store)->failed;
}

static int get(struct store *store, enum store_table table, struct slice key,
               struct slice *value_out)
{
    struct store_mem *mem = of(store);
    return mem->failed ? mem->failed : table_get(&mem->tables[table], key, value_out);
}

static int put(struct store *store, enum store_table table, struct slice key, struct slice value)
{
    struct store_mem *mem = of(store);
    if (mem->failed)
        return mem->failed;
    struct row *row = row_new(key, value);
    return row ? change_to(mem, table, key, row) : -ENOMEM;
}

static int del(struct store *store, enum store_table table, struct slice key)
{
    struct store_mem *mem = of(store);
    struct slice value;
    int rc = get(store, table, key, &value);
    return rc == 0 ? change_to(mem, table, key, NULL) : rc;
}

static int scan(struct store *store, const struct store_range *range, struct store_rows *rows)
{
    struct store_mem *mem = of(store);
    store_rows_clear(rows);
    return mem->failed ? mem->failed : table_scan(&mem->tables[range->table], range, rows);
}

static int savepoint(struct store *store)
{
    of(store)->mark = of(store)->change_count;
    return of(store)->failed;
}

static void rollback(struct store *store)
{
    undo_to(of(store), of(store)->mark);
}

static int fail_commit(struct store_mem *mem)
{
    int error = mem->fail_error;
    mem->fail_in = 0;
    if (mem->fail_applied)
        forget_changes(mem);
    if (error != ENOSPC && error != ENOMEM)
        mem->failed = -error;
    return -error;
}

static int commit(struct store *store)
{
    struct store_mem *mem = of(store);
    if (mem->failed)
        return mem->failed;
    if (mem->fail_in > 0 && --mem->fail_in == 0)
        return fail_commit(mem);
    forget_changes(mem);
    mem->commits++;
    return 0;
}

static void abort_batch(struct store *store)
{
    struct store_mem *mem = of(store);
    undo_to(mem, 0);
    mem->mark = 0;
}

/* --- snapshots ------------------------------------------------------------------------------- */

static int table_copy(const struct table *from, struct table *to)
{
    for (size_t i = 0; i < from->count; i++) {
        struct row *copy = row_new(row_key(from->rows[i]), row_value(from->rows[i]));
        if (!copy || table_reserve(to) < 0) {
            free(copy);
            return -ENOMEM;
        }
        to->rows[to->count++] = copy;
    }
    return 0;
}

/* What the open batch changed is undone in the copy, the last change first. */
static int undo_in_copy(const struct store_mem *mem, struct table *tables)
{
    for (size_t i = mem->change_count; i > 0; i--) {
        const struct change *change = &mem->changes[i - 1];
        struct table *table = &tables[change->table];
        struct row *before = NULL;
        if (change->before)
            before = row_new(row_key(change->before), row_value(change->before));
        if ((change->before && !before) || table_reserve(table) < 0) {
            free(before);
            return -ENOMEM;
        }
        free(table_set(table, row_key(change->key), before));
    }
    return 0;
}

static void snapshot_close(struct store_snapshot **base)
{
    struct mem_snapshot *snapshot = (struct mem_snapshot *)*base;
    for (size_t i = 0; i < STORE_TABLE_COUNT; i++)
        table_fini(&snapshot->tables[i]);
    free(snapshot);
    *base = NULL;
}

static int snapshot_open(struct store *store, struct store_snapshot **snapshot_out)
{
    struct store_mem *mem = of(store);
    struct mem_snapshot *snapshot = calloc(1, sizeof *snapshot);
    *snapshot_out = NULL;
    if (!snapshot)
        return -ENOMEM;
    snapshot->snapshot.ops = store->ops;
    int rc = 0;
    for (size_t i = 0; i < STORE_TABLE_COUNT && rc == 0; i++)
        rc = table_copy(&mem->tables[i], &snapshot->tables[i]);
    if (rc == 0)
        rc = undo_in_copy(mem, snapshot->tables);
    *snapshot_out = &snapshot->snapshot;
    if (rc < 0)
        snapshot_close(snapshot_out);
    return rc;
}

static int snapshot_get(struct store_snapshot *base, enum store_table table, struct slice key,
                        struct slice *value_out)
{
    const struct mem_snapshot *snapshot = (const struct mem_snapshot *)base;
    return table_get(&snapshot->tables[table], key, value_out);
}

static int snapshot_scan(struct store_snapshot *base, const struct store_range *range,
                         struct store_rows *rows)
{
    const struct mem_snapshot *snapshot = (const struct mem_snapshot *)base;
    return table_scan(&snapshot->tables[range->table], range, rows);
}

/* --- the rest -------------------------------------------------------------------------------- */

static int info(struct store *store, struct store_info *info_out)
{
    struct store_mem *mem = of(store);
    *info_out = (struct store_info){.free_bytes = UINT64_MAX};
    for (size_t i = 0; i < STORE_TABLE_COUNT; i++)
        for (size_t j = 0; j < mem->tables[i].count; j++)
            info_out->used_bytes +=
                mem->tables[i].rows[j]->key_len + mem->tables[i].rows[j]->value_len;
    return mem->failed;
}

static void close_store(struct store **store)
{
    struct store_mem *mem = of(*store);
    forget_changes(mem);
    for (size_t i = 0; i < STORE_TABLE_COUNT; i++)
        table_fini(&mem->tables[i]);
    free(mem->changes);
    free(mem);
    *store = NULL;
}

static const struct store_ops ops = {
    .begin = begin,
    .get = get,
    .put = put,
    .del = del,
    .scan = scan,
    .savepoint = savepoint,
    .rollback = rollback,
    .commit = commit,
    .abort = abort_batch,
    .snapshot_open = snapshot_open,
    .snapshot_get = snapshot_get,
    .snapshot_scan = snapshot_scan,
    .snapshot_close = snapshot_close,
    .info = info,
    .close = close_store,
};

struct store *store_mem_new(void)
{
    struct store_mem *mem = calloc(1, sizeof *mem);
    if (!mem)
        return NULL;
    mem->store.ops = &ops;
    return &mem->store;
}

void store_mem_crash(struct store *store)
{
    struct store_mem *mem = of(store);
    undo_to(mem, 0);
    mem->mark = 0;
    mem->failed = 0;
    mem->fail_in = 0;
    store->phase = STORE_IDLE;
}

void store_mem_fail_commit(struct store *store, uint64_t nth, int error, bool applied)
{
    CHECK(error > 0 && nth > 0 && !(applied && (error == ENOSPC || error == ENOMEM)));
    struct store_mem *mem = of(store);
    mem->fail_in = nth;
    mem->fail_error = error;
    mem->fail_applied = applied;
}

uint64_t store_mem_commits(const struct store *store)
{
    return ((const struct store_mem *)store)->commits;
}
