/* Steps from format to format. Must never show a half-made format: only META says that it is done.
 */
#include "broker/store/migrate.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/endian.h"
#include "base/log.h"
#include "broker/store/record.h"

/* META's row while a step is under way: the last job it has done. */
#define META_MIGRATION "migration"

enum { JOBS_AT_ONCE = 2000, TELL_EVERY_MS = 5000 };

static const struct slice nothing = {(const uint8_t *)"", 0};

static struct slice meta(const char *name)
{
    return text_slice(text_of(name));
}

static int put_format(struct store *store, uint32_t format)
{
    uint8_t bytes[4];
    put_be32(bytes, format);
    return store_put(store, TABLE_META, meta(META_FORMAT), (struct slice){bytes, sizeof bytes});
}

/* --- 1 → 2: the index table, and the system queue set apart ----------------------------------- */

static int count_one(struct store *store, char dimension, struct text name, enum job_state status)
{
    struct rec_key key;
    struct slice value;
    uint8_t bytes[8];
    int rc = store_get(store, TABLE_COUNTER, key_counter(&key, dimension, name, status), &value);
    if (rc < 0 || (rc == 0 && value.len != sizeof bytes))
        return rc < 0 ? rc : -EUCLEAN;
    put_be64(bytes, (rc == 0 ? get_be64(value.at) : 0) + 1);
    return store_put(store, TABLE_COUNTER, key_counter(&key, dimension, name, status),
                     (struct slice){bytes, sizeof bytes});
}

/* A job of the system queue: its status row moves, and it is counted by itself. */
static int set_apart(struct store *store, const struct rec_state *s, const struct uuid *job)
{
    struct rec_key key;
    int rc = store_del(store, TABLE_STATUS, key_status(&key, s->status, false, s->created_at, job));
    if (rc >= 0)
        rc = store_put(store, TABLE_STATUS, key_status(&key, s->status, true, s->created_at, job),
                       nothing);
    if (rc == 0)
        rc = count_one(store, COUNT_SYSTEM_OWNER, s->owner, s->status);
    if (rc == 0)
        rc = count_one(store, COUNT_SYSTEM_OWNER, s->owner, JOB_NONE);
    if (rc == 0)
        rc = count_one(store, COUNT_SYSTEM_TYPE, s->type, s->status);
    return rc == 0 ? count_one(store, COUNT_SYSTEM_TYPE, s->type, JOB_NONE) : rc;
}

static int index_job(struct store *store, const struct rec_state *s, const struct uuid *job)
{
    const struct {
        char dimension;
        struct text name;
    } rows[] = {{COUNT_OWNER, s->owner}, {COUNT_TYPE, s->type}, {COUNT_QUEUE, s->queue}};
    bool system = queue_is_system(s->queue);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++) {
        struct rec_key key;
        rc = store_put(store, TABLE_INDEX,
                       key_index(&key, rows[i].dimension, rows[i].name, class_of(s->status), system,
                                 s->created_at, job),
                       nothing);
    }
    return rc == 0 && system ? set_apart(store, s, job) : rc;
}

static int index_row(struct store *store, const struct store_row *row)
{
    struct rec_state s;
    struct fault fault;
    struct uuid job;
    if (key_uuid_parse(row->key, &job) != 0 ||
        shape_decode(row->value, &shape_rec_state, KEYS_NUMBERS, &s, &fault) != 0 ||
        s.status == JOB_NONE)
        return -EUCLEAN;
    return index_job(store, &s, &job);
}

/* One batch's work. *count_out: how many jobs; fewer than JOBS_AT_ONCE: it was the last. */
static int index_some(struct store *store, struct store_rows *rows, size_t *count_out)
{
    struct slice value;
    uint8_t last[sizeof(struct uuid)];
    struct store_range range = {.table = TABLE_STATE, .limit = JOBS_AT_ONCE};
    int rc = store_get(store, TABLE_META, meta(META_MIGRATION), &value);
    if (rc == 0 && value.len == sizeof last) {
        memcpy(last, value.at, sizeof last);
        range.after = (struct slice){last, sizeof last};
    }
    if (rc >= 0)
        rc = store_scan(store, &range, rows);
    for (size_t i = 0; rc == 0 && i < rows->count; i++)
        rc = index_row(store, &rows->at[i]);
    *count_out = rows->count;
    if (rc < 0 || rows->count < JOBS_AT_ONCE)
        return rc;
    return store_put(store, TABLE_META, meta(META_MIGRATION), rows->at[rows->count - 1].key);
}

static int finish(struct store *store, uint32_t format)
{
    int rc = store_del(store, TABLE_META, meta(META_MIGRATION));
    return rc < 0 ? rc : put_format(store, format);
}

/* A batch: 0 there is more to do, 1 it was the last, -errno. */
static int step_1_to_2(struct store *store, struct store_rows *rows, uint64_t *done)
{
    size_t count = 0;
    int rc = store_begin(store);
    if (rc < 0)
        return rc;
    rc = index_some(store, rows, &count);
    bool last = rc == 0 && count < JOBS_AT_ONCE;
    if (last)
        rc = finish(store, 2);
    if (rc == 0)
        rc = store_commit(store);
    if (rc != 0) {
        store_abort(store);
        return rc;
    }
    *done += count;
    return last;
}

static int migrate_1_to_2(struct store *store)
{
    struct store_rows rows = {0};
    uint64_t done = 0, told = clock_mono_ms();
    int rc = 0;
    while (rc == 0) {
        rc = step_1_to_2(store, &rows, &done);
        if (rc == 0 && clock_mono_ms() - told >= TELL_EVERY_MS) {
            told = clock_mono_ms();
            log_info("migrating", "format 1 to 2: %llu jobs so far", (unsigned long long)done);
        }
    }
    store_rows_fini(&rows);
    if (rc == 1)
        log_info("migrated", "format 1 to 2: %llu jobs", (unsigned long long)done);
    return rc < 0 ? rc : 0;
}

/* --- all steps ----------------------------------------------------------------------------------
 */

static int (*const steps[FORMAT_VERSION])(struct store *store) = {[1] = migrate_1_to_2};

static int read_format(struct store *store, uint32_t *format_out)
{
    struct slice value;
    int rc = store_begin(store);
    if (rc < 0)
        return rc;
    rc = store_get(store, TABLE_META, meta(META_FORMAT), &value);
    if (rc == 0 && value.len == 4)
        *format_out = get_be32(value.at);
    else if (rc >= 0)
        rc = -EUCLEAN;
    store_abort(store);
    return rc;
}

static int refused(const struct problem *problem, uint32_t format, int rc)
{
    return problem_set(problem, rc, "moving the data from format %u to %u failed: %s%s", format,
                       format + 1, strerror(-rc),
                       rc == -ENOSPC ? "; it goes on at the next start, when there is room" : "");
}

int migrate(struct store *store, const struct problem *problem)
{
    for (;;) {
        uint32_t format = 0;
        int rc = read_format(store, &format);
        if (rc < 0 || format >= FORMAT_VERSION)
            return rc < 0 ? problem_set(problem, rc, "the format can't be read") : 0;
        rc = steps[format] ? steps[format](store) : -EUCLEAN;
        if (rc < 0)
            return refused(problem, format, rc);
    }
}
