/* The check's engine: goes over every table and calls its rules; what rules are written with.
 * Must never keep more of the store in memory than a page of rows. */
#include "broker/core/check.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/endian.h"
#include "broker/core/check_rule.h"
#include "proto/scan.h"

enum { ROWS = 64, EXPECTED_LEN_MAX = 200 }; /* a row may be 1 MiB */

static const struct {
    enum store_table table;
    check_rule *rule;
} rules[] = {
#define RULE(TABLE, function) {TABLE_##TABLE, function},
#define FINISH(function)
#include "broker/core/checks.def"
#undef RULE
#undef FINISH
};

static check_finish *const finishes[] = {
#define RULE(TABLE, function)
#define FINISH(function) function,
#include "broker/core/checks.def"
#undef RULE
#undef FINISH
};

/* --- what rules are written with ---------------------------------------------------------------
 */

int check_violated(struct check *check, const char *expected, ...)
{
    char text[EXPECTED_LEN_MAX];
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    check->figures.violations++;
    buf_clear(&check->line);
    int rc = buf_printf(&check->line, "%s ", store_table_name(check->table));
    if (rc == 0)
        rc = key_describe(check->table, check->key, &check->line);
    if (rc == 0)
        rc = buf_printf(&check->line, ": expected %s", text);
    if (rc == 0)
        rc = buf_append(&check->line, "", 1);
    if (rc < 0)
        return rc;
    check->report(check->context, (const char *)check->line.at);
    return STORE_NOT_FOUND;
}

int check_has(struct check *check, enum store_table table, struct slice key,
              struct slice *value_out)
{
    struct slice value;
    int rc = store_snapshot_get(check->snapshot, table, key, value_out ? value_out : &value);
    return rc < 0 ? rc : rc == 0;
}

int check_wants(struct check *check, bool wanted, enum store_table table, struct slice key)
{
    int found = check_has(check, table, key, NULL);
    if (found < 0 || (found == 1) == wanted)
        return found < 0 ? found : 0;
    struct buf text = {0};
    int rc = key_describe(table, key, &text);
    if (rc == 0)
        rc = check_violated(check, "%s in %s, key %.*s", wanted ? "a row" : "no row",
                            store_table_name(table), (int)text.len, (const char *)text.at);
    buf_fini(&text);
    return rc < 0 ? rc : 0;
}

/* The last state is kept: neighbours are often of one job. */
static int keep_state(struct check *check, const struct uuid *id, struct slice bytes)
{
    struct fault fault;
    check->job = (struct uuid){{0}};
    buf_clear(&check->state);
    int rc = buf_append(&check->state, bytes.at, bytes.len);
    if (rc < 0)
        return rc;
    rc = shape_decode(buf_slice(&check->state), &shape_rec_state, KEYS_NUMBERS, &check->s, &fault);
    if (rc != 0 || check->s.status == JOB_NONE)
        return STORE_NOT_FOUND;
    check->job = *id;
    return 0;
}

static bool is_kept(const struct check *check, const struct uuid *id)
{
    return uuid_eq(&check->job, id) && !uuid_is_null(id);
}

int check_job(struct check *check, const struct uuid *id, struct rec_state *state_out)
{
    struct slice value;
    if (!is_kept(check, id)) {
        int found = check_has(check, TABLE_STATE, key_job(id), &value);
        if (found <= 0)
            return found < 0 ? found : STORE_NOT_FOUND;
        int rc = keep_state(check, id, value);
        if (rc != 0)
            return rc;
    }
    *state_out = check->s;
    return 0;
}

int check_state_of(struct check *check, const struct store_row *row, struct uuid *id_out,
                   struct rec_state *state_out)
{
    if (key_uuid_parse(row->key, id_out) != 0)
        return STORE_NOT_FOUND;
    int rc = is_kept(check, id_out) ? 0 : keep_state(check, id_out, row->value);
    if (rc == 0)
        *state_out = check->s;
    return rc;
}

int check_uuid(struct check *check, struct slice bytes, struct uuid *id_out)
{
    return key_uuid_parse(bytes, id_out) == 0 ? 0 : check_violated(check, "the id of a job");
}

int check_job_of(struct check *check, struct slice key, struct uuid *id_out,
                 struct rec_state *state_out)
{
    struct slice id = {key.at, key.len < sizeof id_out->at ? key.len : sizeof id_out->at};
    int rc = check_uuid(check, id, id_out);
    if (rc != 0)
        return rc;
    rc = check_job(check, id_out, state_out);
    return rc == STORE_NOT_FOUND ? check_violated(check, "that its job exists") : rc;
}

int check_shape(struct check *check, const struct shape *shape, enum shape_keys keys,
                struct slice value, void *value_out)
{
    struct fault fault;
    if (shape_decode(value, shape, keys, value_out, &fault) == 0)
        return 0;
    return check_violated(check, "a %s as its value: %s %s", shape->name, fault.field,
                          fault.problem);
}

int check_any(struct check *check, struct slice value)
{
    const char *problem;
    if (scan_value(value, VALUE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem) == 0)
        return 0;
    return check_violated(check, "one msgpack value: %s", problem);
}

int check_empty(struct check *check, const struct store_row *row)
{
    return row->value.len == 0 ? 0 : check_violated(check, "no value, as in every index");
}

/* --- the engine --------------------------------------------------------------------------------
 */

static int check_row(struct check *check, const struct store_row *row)
{
    bool ruled = false;
    int rc = 0;
    check->key = row->key;
    check->figures.rows[check->table]++;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && rc >= 0; i++) {
        if (rules[i].table != check->table)
            continue;
        ruled = true;
        rc = rules[i].rule(check, row);
    }
    if (!ruled)
        rc = check_violated(check, "a rule for this table in checks.def");
    return rc < 0 ? rc : 0;
}

static int check_table(struct check *check, enum store_table table)
{
    struct store_rows rows = {0};
    struct rec_key last = {.len = 0};
    int rc = 0;
    check->table = table;
    do {
        struct store_range range = {.table = table, .after = {last.at, last.len}, .limit = ROWS};
        rc = store_snapshot_scan(check->snapshot, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++)
            rc = check_row(check, &rows.at[i]);
        if (rc == 0 && rows.count > 0) {
            struct slice key = rows.at[rows.count - 1].key;
            memcpy(last.at, key.at, last.len = key.len);
        }
    } while (rc == 0 && rows.count > 0);
    store_rows_fini(&rows);
    return rc;
}

static int read_number(struct check *check, const char *name, uint64_t *number_out)
{
    struct slice value;
    int found = check_has(check, TABLE_META, text_slice(text_of(name)), &value);
    if (found == 1 && value.len == 8)
        *number_out = get_be64(value.at);
    return found < 0 ? found : 0;
}

static int check_all(struct check *check)
{
    int rc = read_number(check, "fence", &check->fence);
    if (rc == 0)
        rc = read_number(check, "arrival", &check->arrival);
    if (rc == 0)
        rc = read_number(check, "seq", &check->seq);
    for (unsigned table = 0; table < STORE_TABLE_COUNT && rc == 0; table++)
        rc = check_table(check, (enum store_table)table);
    for (size_t i = 0; i < sizeof finishes / sizeof *finishes && rc == 0; i++)
        rc = finishes[i](check);
    return rc;
}

int core_check(struct store_snapshot *snapshot, core_check_report *report, void *context,
               struct check_figures *figures_out)
{
    struct check check = {.snapshot = snapshot, .report = report, .context = context};
    int rc = check_all(&check);
    check_count_fini(&check);
    buf_fini(&check.line);
    buf_fini(&check.state);
    if (figures_out)
        *figures_out = check.figures;
    if (rc < 0)
        return rc;
    return check.figures.violations < INT_MAX ? (int)check.figures.violations : INT_MAX;
}
