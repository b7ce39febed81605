/* Lists by update time or name: there is no index of these, so all jobs that fit are gathered and
 * sorted, up to a bound. Reads only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/list.h"
#include "broker/core/plan.h"
#include "broker/core/reply.h"

/* What a job is sorted by: the update time as 8 bytes, or the name. */
struct entry {
    size_t offset; /* into `keys`, which still moves while it grows */
    struct slice key;
    struct uuid id;
};

struct sorting {
    struct entry *entries;
    size_t count, cap;
    struct buf keys;
};

static int refuse_many(struct core *core)
{
    return refuse(core, WIRE_INVALID_REQUEST, "sort",
                  "more than %d jobs may fit; narrow the filter (owner, type, queue, status, "
                  "created_after), or sort by created_at",
                  LIST_SORT_MAX);
}

/* The key of a job; the texts of the spec live until the store's next call. */
static int key_of(struct core *core, enum list_sort sort, uint8_t time[8], struct slice *key_out)
{
    struct wire_spec spec;
    put_be64(time, core->job.s.updated_at);
    *key_out = (struct slice){time, 8};
    int rc = sort == SORT_NAME ? spec_get(core, &core->job.id, &spec) : 0;
    if (rc == 0 && sort == SORT_NAME)
        *key_out = text_slice(spec.name);
    return rc;
}

static int grow(struct sorting *sorting)
{
    size_t cap = sorting->cap ? 2 * sorting->cap : 256;
    struct entry *entries = realloc(sorting->entries, cap * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    sorting->entries = entries;
    sorting->cap = cap;
    return 0;
}

static int add(struct core *core, enum list_sort sort, struct sorting *sorting)
{
    uint8_t time[8];
    struct slice key;
    int rc = sorting->count == sorting->cap ? grow(sorting) : 0;
    if (rc == 0)
        rc = key_of(core, sort, time, &key);
    if (rc < 0)
        return rc;
    sorting->entries[sorting->count++] =
        (struct entry){.offset = sorting->keys.len, .key = {NULL, key.len}, .id = core->job.id};
    return buf_append(&sorting->keys, key.at, key.len);
}

/* Walks over all that fit. 0, REFUSED (too many), -errno. */
static int gather(struct core *core, const struct listing *listing, struct sorting *sorting)
{
    struct walk_from from = {.rows_max = 2 * LIST_SORT_MAX};
    struct walk *walk;
    int rc = walk_start(core, &listing->filter, &from, &walk);
    while (rc == 0) {
        rc = walk_next(walk, &core->job);
        if (rc == WALK_END)
            break;
        if (rc == WALK_PAUSED || (rc == WALK_JOB && sorting->count == LIST_SORT_MAX))
            rc = refuse_many(core);
        else if (rc == WALK_JOB)
            rc = add(core, listing->sort, sorting);
    }
    walk_end(&walk);
    for (size_t i = 0; i < sorting->count; i++)
        sorting->entries[i].key.at = sorting->keys.at + sorting->entries[i].offset;
    return rc;
}

static int compare(const void *a_at, const void *b_at)
{
    const struct entry *a = a_at, *b = b_at;
    int order = text_cmp(slice_text(a->key), slice_text(b->key));
    return order ? order : uuid_cmp(&a->id, &b->id);
}

static int compare_down(const void *a, const void *b)
{
    return compare(b, a);
}

/* --- the page ----------------------------------------------------------------------------------
 */

static char letter_of(enum list_sort sort)
{
    return sort == SORT_NAME ? 'n' : 'u';
}

/* A cursor is the sort's letter, the last job's id and its key. */
static int write_cursor(struct listing *listing, const struct entry *entry)
{
    char letter = letter_of(listing->sort);
    int rc = buf_append(&listing->cursor, &letter, 1);
    if (rc == 0)
        rc = cursor_write(&listing->cursor, (struct slice){entry->id.at, sizeof entry->id.at});
    return rc == 0 ? cursor_write(&listing->cursor, entry->key) : rc;
}

static int read_cursor(struct core *core, const struct listing *listing, struct entry *entry_out)
{
    struct text cursor = listing->ask->cursor;
    buf_clear(&core->scratch);
    int rc = 1;
    if (cursor.at[0] == letter_of(listing->sort))
        rc = cursor_read((struct text){cursor.at + 1, cursor.len - 1}, &core->scratch);
    if (rc < 0)
        return rc;
    struct slice bytes = buf_slice(&core->scratch);
    if (rc == 1 || bytes.len < sizeof entry_out->id.at)
        return refuse(core, WIRE_INVALID_REQUEST, "cursor",
                      "expected next_cursor of an earlier page, sorted in the same way");
    memcpy(entry_out->id.at, bytes.at, sizeof entry_out->id.at);
    entry_out->key =
        (struct slice){bytes.at + sizeof entry_out->id.at, bytes.len - sizeof entry_out->id.at};
    return 0;
}

/* The place of the page's first job. 0, REFUSED, -errno. */
static int find_first(struct core *core, const struct listing *listing,
                      const struct sorting *sorting, size_t *first_out)
{
    struct entry last = {0};
    *first_out = (size_t)listing->ask->offset;
    if (!listing->ask->cursor.len)
        return 0;
    int rc = read_cursor(core, listing, &last);
    while (rc == 0 && *first_out < sorting->count) {
        int order = compare(&sorting->entries[*first_out], &last);
        if (listing->ascending ? order > 0 : order < 0)
            break;
        ++*first_out;
    }
    return rc;
}

static int render(struct core *core, struct listing *listing, const struct sorting *sorting,
                  size_t first)
{
    size_t i = first;
    for (; i < sorting->count && !list_is_full(core, listing); i++) {
        int rc = job_load(core, &sorting->entries[i].id, &core->job);
        if (rc == 0)
            rc = list_add(core, listing, &core->job);
        if (rc < 0)
            return rc;
    }
    bool more = i > first && i < sorting->count;
    return more ? write_cursor(listing, &sorting->entries[i - 1]) : 0;
}

static int make_page(struct core *core, struct listing *listing, struct sorting *sorting)
{
    size_t first;
    int rc = gather(core, listing, sorting);
    if (rc != 0)
        return rc;
    listing->total = opt_of(sorting->count);
    if (sorting->count > 0)
        qsort(sorting->entries, sorting->count, sizeof *sorting->entries,
              listing->ascending ? compare : compare_down);
    rc = find_first(core, listing, sorting, &first);
    return rc == 0 ? render(core, listing, sorting, first) : rc;
}

int list_sorted(struct core *core, struct listing *listing)
{
    struct sorting sorting = {0};
    uint64_t total;
    if (plan_count(core, &listing->filter, &total) && total > LIST_SORT_MAX)
        return refuse_many(core);
    int rc = make_page(core, listing, &sorting);
    free(sorting.entries);
    buf_fini(&sorting.keys);
    return rc;
}
