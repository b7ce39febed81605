/* The rows of dependencies, and questions about them. Must never move a job. */
#include "broker/core/parents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/job.h"
#include "broker/core/reply.h"
#include "proto/pack.h"

enum {
    LIST_SLICE = 1000, /* rows of one scan */
    NEEDED_MAX = 1000  /* children looked at to find one that is not over */
};

struct slice parents_edge(bool settled)
{
    static const uint8_t one = 1;
    return (struct slice){&one, settled};
}

/* --- checking ------------------------------------------------------------------------------ */

static int refuse_parent(struct core *core, uint32_t index, enum wire_error error,
                         const char *problem, const struct uuid *id)
{
    char field[32], text[UUID_TEXT_LEN + 1] = "";
    if (id)
        uuid_format(id, text);
    snprintf(field, sizeof field, "depends_on[%u]", (unsigned)index);
    return refuse(core, error, field, "%s%s", problem, text);
}

static bool is_among(const struct buf *ids, const struct uuid *id)
{
    for (size_t at = 0; ids && at < ids->len; at += sizeof *id)
        if (memcmp(ids->at + at, id->at, sizeof id->at) == 0)
            return true;
    return false;
}

static int check_one(struct core *core, const struct caller *caller, const struct uuid *id,
                     const struct buf *earlier, uint32_t index)
{
    int rc = job_load(core, id, &core->job);
    if (rc < 0)
        return rc;
    bool good = rc == 0 ? caller->sees_all || text_eq(core->job.s.owner, caller->owner)
                        : is_among(earlier, id);
    return good ? 0 : refuse_parent(core, index, WIRE_NOT_FOUND, "there is no job ", id);
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

static int check_once(struct core *core, struct buf *ids)
{
    size_t count = ids->len / sizeof(struct uuid);
    struct uuid *at = (struct uuid *)(void *)ids->at;
    if (count < 2)
        return 0;
    qsort(at, count, sizeof *at, compare_ids);
    for (size_t i = 1; i < count; i++) {
        char text[UUID_TEXT_LEN + 1];
        if (!uuid_eq(&at[i - 1], &at[i]))
            continue;
        uuid_format(&at[i], text);
        return refuse(core, WIRE_INVALID_REQUEST, "depends_on", "job %s stands there twice", text);
    }
    return 0;
}

static int check_count(struct core *core, uint32_t count)
{
    core->depends += count;
    if (core->depends <= BATCH_DEPENDS_MAX)
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "depends_on",
                  "expected at most %d parents in one submit", BATCH_DEPENDS_MAX);
}

int parents_check(struct core *core, const struct caller *caller, struct slice ids,
                  const struct buf *earlier)
{
    struct list_iter iter;
    struct uuid id;
    struct buf all = {0};
    int more = 0;
    if (list_open(ids, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "depends_on", "expected a list of ids");
    int rc = check_count(core, iter.count);
    while (rc == 0 && (more = list_next_uuid(&iter, &id)) == 1) {
        rc = check_one(core, caller, &id, earlier, iter.index - 1);
        if (rc == 0)
            rc = buf_append(&all, &id, sizeof id);
    }
    if (rc == 0 && more < 0)
        rc = refuse_parent(core, iter.index, WIRE_INVALID_REQUEST, "expected an id", NULL);
    if (rc == 0)
        rc = check_once(core, &all);
    buf_fini(&all);
    return rc;
}

/* --- linking ------------------------------------------------------------------------------- */

/* Writes one parent's row towards the child. *status_out: JOB_NONE where it is gone. */
static int link_child(struct core *core, const struct uuid *id, const struct uuid *child,
                      enum job_state *status_out)
{
    struct rec_key key;
    struct job parent = {0};
    int rc = job_load(core, id, &parent);
    *status_out = rc == 0 ? parent.s.status : JOB_NONE;
    if (rc == 0)
        rc = store_put(core->store, TABLE_CHILD, key_child(&key, id, false, child),
                       parents_edge(job_state_is_terminal(parent.s.status)));
    if (rc == 0 && !parent.s.has_children) {
        parent.s.has_children = true;
        rc = job_save(core, &parent);
    }
    buf_fini(&parent.bytes);
    return rc < 0 ? rc : 0;
}

int parents_link(struct core *core, struct job *job, struct slice ids, struct uuid *failed_out)
{
    struct list_iter iter;
    struct uuid id;
    enum job_state status;
    *failed_out = (struct uuid){{0}};
    if (list_open(ids, &iter) != 0)
        return -EBADMSG;
    core->changed |= iter.count > 0;
    while (list_next_uuid(&iter, &id) == 1) {
        struct rec_key key;
        int rc = store_put(core->store, TABLE_PARENT, key_job_n(&key, &job->id, job->s.parents++),
                           key_job(&id));
        if (rc == 0)
            rc = link_child(core, &id, &job->id, &status);
        if (rc < 0)
            return rc;
        if (!job_state_is_terminal(status))
            job->s.open_parents++;
        else if (status != JOB_COMPLETED && uuid_is_null(failed_out))
            *failed_out = id;
    }
    return 0;
}

typedef int on_parent(void *arg, const struct uuid *parent);

/* Each parent of a job in order, from behind the first `after`. on_parent: 0 goes on. */
static int each_parent(struct core *core, const struct uuid *child, uint64_t after, void *arg,
                       on_parent *visit)
{
    struct store_rows rows = {0};
    struct rec_key key = {.len = 0};
    int rc = 0;
    if (after > 0)
        key_job_n(&key, child, after - 1);
    do {
        struct store_range range = {.table = TABLE_PARENT,
                                    .prefix = key_job(child),
                                    .after = {key.at, key.len},
                                    .limit = LIST_SLICE};
        rc = store_scan(core->store, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++) {
            struct uuid parent;
            rc = key_uuid_parse(rows.at[i].value, &parent) == 0 ? visit(arg, &parent) : -EBADMSG;
            memcpy(key.at, rows.at[i].key.at, key.len = rows.at[i].key.len);
        }
    } while (rc == 0 && rows.count == LIST_SLICE);
    store_rows_fini(&rows);
    return rc;
}

struct relink {
    struct core *core;
    struct job *job;
};

static int relink(void *arg, const struct uuid *parent)
{
    struct relink *with = arg;
    struct core *core = with->core;
    struct rec_key key;
    enum job_state status;
    int rc = store_del(core->store, TABLE_CHILD, key_child(&key, parent, true, &with->job->id));
    if (rc >= 0)
        rc = link_child(core, parent, &with->job->id, &status);
    if (rc < 0)
        return rc;
    with->job->s.open_parents += status != JOB_NONE && !job_state_is_terminal(status);
    return 0;
}

int parents_link_again(struct core *core, struct job *job)
{
    struct relink with = {core, job};
    job->s.open_parents = 0;
    if (job->s.parents == 0)
        return 0;
    core->changed = true;
    return each_parent(core, &job->id, 0, &with, relink);
}

int parents_mark(struct core *core, const struct uuid *parent, const struct uuid *child, bool over)
{
    struct rec_key key;
    struct slice value;
    int rc = store_get(core->store, TABLE_CHILD, key_child(&key, parent, !over, child), &value);
    if (rc != 0)
        return rc < 0 ? rc : 0; /* marked already, or the parent is gone */
    bool settled = value.len > 0;
    rc = store_del(core->store, TABLE_CHILD, key_child(&key, parent, !over, child));
    if (rc == 0)
        rc = store_put(core->store, TABLE_CHILD, key_child(&key, parent, over, child),
                       parents_edge(settled));
    return rc;
}

/* --- asking -------------------------------------------------------------------------------- */

struct listing {
    struct core *core;
    size_t limit;
    uint32_t count;
    bool existing;
};

static int list_one(void *arg, const struct uuid *parent)
{
    struct listing *listing = arg;
    struct core *core = listing->core;
    struct slice value;
    if (listing->count == listing->limit)
        return 1;
    int rc = listing->existing ? store_get(core->store, TABLE_STATE, key_job(parent), &value) : 0;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    listing->count++;
    return pack_uuid(&core->parents, parent);
}

int parents_list(struct core *core, const struct uuid *id, size_t limit, bool existing,
                 struct slice *list_out)
{
    struct listing listing = {core, limit, 0, existing};
    size_t mark;
    buf_clear(&core->parents);
    int rc = list_begin(&core->parents, &mark);
    if (rc == 0)
        rc = each_parent(core, id, 0, &listing, list_one);
    if (rc < 0)
        return rc;
    list_end(&core->parents, mark, listing.count);
    *list_out = listing.count ? buf_slice(&core->parents) : (struct slice){0};
    return 0;
}

struct search {
    struct core *core;
    const struct uuid *child;
    struct uuid found;
};

static int is_open(void *arg, const struct uuid *parent)
{
    struct search *search = arg;
    struct rec_key key;
    struct slice value;
    int rc = store_get(search->core->store, TABLE_CHILD,
                       key_child(&key, parent, false, search->child), &value);
    if (rc != 0 || value.len > 0)
        return rc < 0 ? rc : 0;
    search->found = *parent;
    return 1;
}

int parents_first_open(struct core *core, const struct uuid *id, struct uuid *parent_out)
{
    struct search search = {.core = core, .child = id};
    int rc = each_parent(core, id, 0, &search, is_open);
    *parent_out = search.found;
    return rc < 0 ? rc : 0;
}

struct comparison {
    struct list_iter iter;
    bool same;
};

static int compare_one(void *arg, const struct uuid *parent)
{
    struct comparison *comparison = arg;
    struct uuid id;
    comparison->same = list_next_uuid(&comparison->iter, &id) == 1 && uuid_eq(&id, parent);
    return comparison->same ? 0 : 1;
}

int parents_same(struct core *core, const struct uuid *id, struct slice ids, bool *same_out)
{
    struct comparison comparison = {.same = true};
    struct uuid another;
    if (list_open(ids, &comparison.iter) != 0)
        return -EBADMSG;
    int rc = each_parent(core, id, 0, &comparison, compare_one);
    *same_out = comparison.same && list_next_uuid(&comparison.iter, &another) == 0;
    return rc < 0 ? rc : 0;
}

/* A row may not have been marked yet: then its child is looked at. */
int parents_needed(struct core *core, const struct uuid *id, struct uuid *child_out)
{
    struct rec_key key;
    struct store_rows rows = {0};
    struct job child = {0};
    struct store_range range = {
        .table = TABLE_CHILD, .prefix = key_children(&key, id, false), .limit = NEEDED_MAX};
    int rc = store_scan(core->store, &range, &rows);
    int needed = 0;
    for (size_t i = 0; i < rows.count && rc >= 0 && !needed; i++) {
        struct uuid parent;
        bool over;
        rc = key_child_parse(rows.at[i].key, &parent, &over, child_out) ? -EBADMSG : 0;
        if (rc == 0)
            rc = job_load(core, child_out, &child);
        if (rc == 0)
            needed = !job_state_is_terminal(child.s.status) || child.s.ending;
    }
    bool all_seen = rows.count < NEEDED_MAX;
    buf_fini(&child.bytes);
    store_rows_fini(&rows);
    return rc < 0 ? rc : needed || !all_seen;
}

/* --- deleting ------------------------------------------------------------------------------ */

static int sweep_rows(struct core *core, enum store_table table, const struct uuid *id,
                      size_t limit)
{
    struct store_rows rows = {0};
    struct store_range range = {.table = table, .prefix = key_job(id), .limit = limit};
    int rc = store_scan(core->store, &range, &rows);
    for (size_t i = 0; i < rows.count && rc >= 0; i++) {
        struct uuid parent;
        struct rec_key key;
        if (table == TABLE_PARENT && key_uuid_parse(rows.at[i].value, &parent) == 0) {
            rc = store_del(core->store, TABLE_CHILD, key_child(&key, &parent, true, id));
            if (rc >= 0)
                rc = store_del(core->store, TABLE_CHILD, key_child(&key, &parent, false, id));
        }
        if (rc >= 0)
            rc = store_del(core->store, table, rows.at[i].key);
    }
    bool more = rows.count == limit;
    store_rows_fini(&rows);
    return rc < 0 ? rc : more;
}

int parents_sweep(struct core *core, const struct uuid *id, size_t limit)
{
    int rc = sweep_rows(core, TABLE_PARENT, id, limit);
    return rc != 0 ? rc : sweep_rows(core, TABLE_CHILD, id, limit);
}

/* --- the message `get_parents` ------------------------------------------------------------- */

struct page {
    struct core *core;
    uint64_t limit;
    uint32_t count;
    bool full;
};

static int read_parent(struct core *core, struct wire_parent *item)
{
    int rc = job_load(core, &item->id, &core->job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    item->status = core->job.s.status;
    item->gone = core->job.s.result_gone;
    if (item->status != JOB_COMPLETED || item->gone)
        return 0;
    rc = store_get(core->store, TABLE_RESULT, key_job(&item->id), &item->result);
    return rc > 0 ? -EBADMSG : rc;
}

static int add_parent(void *arg, const struct uuid *parent)
{
    struct page *page = arg;
    struct core *core = page->core;
    struct wire_parent item = {.id = *parent};
    page->full = page->count == page->limit || core->answer.len > PAGE_SIZE_MAX;
    if (page->full)
        return 1;
    int rc = read_parent(core, &item);
    if (rc == 0)
        rc = shape_encode(&core->answer, &shape_parent, &item, KEYS_NAMES);
    page->count++;
    return rc;
}

int handle_get_parents(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_parents *ask = &message->get_parents;
    struct caller caller = caller_of(session, message);
    struct page page = {.core = core, .limit = ask->limit ? ask->limit : LIST_LIMIT_DEFAULT};
    struct message answer = {.id = MSG_PARENTS};
    size_t mark;
    int rc = caller_load(core, &caller, &ask->id, &core->job);
    if (rc != 0)
        return rc;
    answer.parents.total = opt_of(core->job.s.parents);
    buf_clear(&core->answer);
    rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = each_parent(core, &ask->id, ask->after, &page, add_parent);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, page.count);
    answer.parents.parents = buf_slice(&core->answer);
    answer.parents.next = page.full ? ask->after + page.count : 0;
    return reply(core, &answer);
}
