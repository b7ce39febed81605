/* --dump: every row as a line of JSON, table by table, in the order of keys.
 * Must never keep more than a page of rows in memory. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/rfc3339.h"
#include "broker/store/record.h"
#include "broker/tool.h"
#include "proto/json.h"
#include "proto/scan.h"

enum { ROWS = 64, NOT_SUCH = 1 };

enum value_kind {
    VALUE_unknown,
    VALUE_record,
    VALUE_named,
    VALUE_named_list,
    VALUE_journal,
    VALUE_id,
    VALUE_number,
    VALUE_time
};

static const struct shape shape_none = {.name = "none"};

static const struct {
    enum value_kind kind;
    const struct shape *shape;
} values[STORE_TABLE_COUNT] = {
#define VALUE(TABLE, kind, shape) [TABLE_##TABLE] = {VALUE_##kind, &shape_##shape},
#include "broker/values.def"
#undef VALUE
};

struct dump {
    struct store_snapshot *snapshot;
    const char *table; /* NULL: all */
    struct uuid job;   /* null: all */
    struct buf line;
};

/* --- values: each 0, NOT_SUCH (nothing was appended), -ENOMEM ----------------------------------
 */

static int put_map(struct buf *out, const struct shape *shape, enum shape_keys keys,
                   struct slice value)
{
    struct fault fault;
    size_t before = out->len;
    void *filled = calloc(1, shape->size);
    if (!filled)
        return -ENOMEM;
    int rc = shape_decode(value, shape, keys, filled, &fault);
    if (rc == 0)
        rc = json_from_struct(filled, shape, out);
    free(filled);
    if (rc == -EINVAL)
        rc = NOT_SUCH;
    if (rc != 0)
        out->len = before;
    return rc;
}

static int put_list(struct buf *out, const struct shape *shape, enum shape_keys keys,
                    struct slice value)
{
    struct list_iter iter;
    struct slice item;
    size_t before = out->len;
    int rc = list_open(value, &iter) == 0 ? buf_append_text(out, TEXT("[")) : NOT_SUCH;
    for (uint32_t i = 0; rc == 0 && i < iter.count; i++) {
        if (list_next_any(&iter, &item) != 1)
            rc = NOT_SUCH;
        if (rc == 0 && i > 0)
            rc = buf_append_text(out, TEXT(","));
        if (rc == 0)
            rc = put_map(out, shape, keys, item);
    }
    if (rc != 0)
        out->len = before;
    return rc == 0 ? buf_append_text(out, TEXT("]")) : rc;
}

static int put_journal(struct buf *out, struct slice value)
{
    struct rec_journal record;
    struct fault fault;
    size_t before = out->len;
    if (shape_decode(value, &shape_rec_journal, KEYS_NUMBERS, &record, &fault) != 0)
        return NOT_SUCH;
    int rc = buf_printf(out, "{\"total\":%" PRIu64 ",\"events\":", record.total);
    if (rc == 0)
        rc = put_list(out, &shape_event, KEYS_NUMBERS, record.events);
    if (rc != 0)
        out->len = before;
    return rc == 0 ? buf_append_text(out, TEXT("}")) : rc;
}

static int put_number(struct buf *out, struct slice value)
{
    if (value.len != 8)
        return NOT_SUCH;
    return buf_printf(out, "%" PRIu64, get_be64(value.at));
}

static int put_time(struct buf *out, struct slice value)
{
    char text[RFC3339_LEN + 1];
    if (value.len != 8)
        return NOT_SUCH;
    rfc3339_format(get_be64(value.at), text);
    return buf_printf(out, "\"%s\"", text);
}

static int put_id(struct buf *out, struct slice value)
{
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    if (key_uuid_parse(value, &id) != 0)
        return NOT_SUCH;
    uuid_format(&id, text);
    return buf_printf(out, "\"%s\"", text);
}

static int put_known(struct buf *out, enum store_table table, struct slice value)
{
    const struct shape *shape = values[table].shape;
    switch (values[table].kind) {
    case VALUE_record:
        return put_map(out, shape, KEYS_NUMBERS, value);
    case VALUE_named:
        return put_map(out, shape, KEYS_NAMES, value);
    case VALUE_journal:
        return put_journal(out, value);
    case VALUE_named_list:
        return put_list(out, shape, KEYS_NAMES, value);
    case VALUE_id:
        return put_id(out, value);
    case VALUE_number:
        return put_number(out, value);
    case VALUE_time:
        return put_time(out, value);
    case VALUE_unknown:
        break;
    }
    return NOT_SUCH;
}

/* Meta rows are of the kind that their name says. */
static int put_meta(struct buf *out, struct slice key, struct slice value)
{
    struct text name = slice_text(key);
    if (text_is(name, META_FORMAT) && value.len == 4)
        return buf_printf(out, "%" PRIu32, get_be32(value.at));
    if (text_is(name, "restored"))
        return put_time(out, value);
    return value.len == 16 ? put_id(out, value) : put_number(out, value);
}

/* So are a schedule's: its head, and what it submits. */
static int put_schedule(struct buf *out, struct slice key, struct slice value)
{
    const struct shape *shape = key.at[0] == 'h' ? &shape_rec_schedule : &shape_spec;
    return put_map(out, shape, KEYS_NUMBERS, value);
}

static int put_any(struct buf *out, struct slice value)
{
    const char *problem;
    if (scan_value(value, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem) != 0)
        return NOT_SUCH;
    return json_from_msgpack(value, out);
}

static int put_value(struct buf *out, enum store_table table, const struct store_row *row)
{
    if (row->value.len == 0)
        return buf_append_text(out, TEXT("null"));
    int rc = table == TABLE_META       ? put_meta(out, row->key, row->value)
             : table == TABLE_SCHEDULE ? put_schedule(out, row->key, row->value)
                                       : put_known(out, table, row->value);
    if (rc == NOT_SUCH && values[table].kind == VALUE_unknown)
        rc = put_any(out, row->value);
    return rc == NOT_SUCH ? bytes_describe(row->value, out) : rc;
}

/* --- rows --------------------------------------------------------------------------------------
 */

/* The id stands somewhere in the key, or is the value. */
static bool is_of_job(const struct store_row *row, const struct uuid *job)
{
    const size_t len = sizeof job->at;
    return memmem(row->key.at, row->key.len, job->at, len) ||
           (row->value.len == len && memcmp(row->value.at, job->at, len) == 0);
}

static int dump_row(struct dump *dump, enum store_table table, const struct store_row *row)
{
    struct buf *line = &dump->line;
    if (!uuid_is_null(&dump->job) && !is_of_job(row, &dump->job))
        return 0;
    buf_clear(line);
    int rc = buf_printf(line, "{\"table\":\"%s\",\"key\":", store_table_name(table));
    if (rc == 0)
        rc = key_describe(table, row->key, line);
    if (rc == 0)
        rc = buf_append_text(line, TEXT(",\"value\":"));
    if (rc == 0)
        rc = put_value(line, table, row);
    if (rc == 0)
        rc = buf_append_text(line, TEXT("}\n"));
    if (rc == 0 && fwrite(line->at, 1, line->len, stdout) != line->len)
        rc = -errno;
    return rc;
}

/* Where the keys begin with the job, its rows are neighbours. */
static struct store_range first_page(const struct dump *dump, enum store_table table)
{
    struct store_range range = {.table = table, .limit = ROWS};
    if (!uuid_is_null(&dump->job) && key_begins_with_job(table))
        range.prefix = key_job(&dump->job);
    return range;
}

static int dump_table(struct dump *dump, enum store_table table)
{
    struct store_rows rows = {0};
    struct rec_key last = {.len = 0};
    struct store_range range = first_page(dump, table);
    int rc = 0;
    do {
        rc = store_snapshot_scan(dump->snapshot, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++)
            rc = dump_row(dump, table, &rows.at[i]);
        if (rc == 0 && rows.count > 0) {
            struct slice key = rows.at[rows.count - 1].key;
            memcpy(last.at, key.at, last.len = key.len);
            range.after = (struct slice){last.at, last.len};
        }
    } while (rc == 0 && rows.count > 0);
    store_rows_fini(&rows);
    return rc;
}

static bool is_table(const char *name)
{
    for (unsigned table = 0; table < STORE_TABLE_COUNT; table++)
        if (strcmp(store_table_name((enum store_table)table), name) == 0)
            return true;
    return false;
}

static int dump_all(struct dump *dump)
{
    int rc = 0;
    for (unsigned table = 0; table < STORE_TABLE_COUNT && rc == 0; table++) {
        const char *name = store_table_name((enum store_table)table);
        if (!dump->table || strcmp(dump->table, name) == 0)
            rc = dump_table(dump, (enum store_table)table);
    }
    return rc;
}

int tool_dump(const struct options *options, struct store *store)
{
    struct dump dump = {.table = options->table};
    if (options->table && !is_table(options->table)) {
        tool_failed("--table %s: there is no such table", options->table);
        return TOOL_WRONG;
    }
    if (options->job && uuid_parse(text_of(options->job), &dump.job) != 0) {
        tool_failed("--job %s: expected the id of a job", options->job);
        return TOOL_WRONG;
    }
    int rc = store_snapshot_open(store, &dump.snapshot);
    if (rc == 0) {
        rc = dump_all(&dump);
        store_snapshot_close(&dump.snapshot);
    }
    buf_fini(&dump.line);
    return rc < 0 ? tool_failed("%s: %s", options->data, strerror(-rc)) : TOOL_GOOD;
}
