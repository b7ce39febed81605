/* Errands among relatives, in slices. Rows: time 0 | TIMER_FAMILY | job | errand | stamp | where it
 * goes on. Must never do more than FAMILY_SLICE of it in one batch. */
#include "broker/core/family.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/control.h"
#include "broker/core/job.h"
#include "broker/core/parents.h"
#include "broker/core/timer.h"
#include "broker/core/unique.h"

enum {
    FAMILY_SLICE = 500, /* relatives looked at in one batch */
    ERRANDS_MAX = 100,  /* errands begun in one batch */
    HEAD_LEN = 16 + 1 + 8
};

enum errand_kind { CANCEL_TREE = 'c', UNBLOCK = 'u', TELL_CHILDREN = 'd', TELL_PARENTS = 'p' };

struct errand {
    struct uuid job;
    enum errand_kind kind;
    uint64_t stamp;
    struct rec_key after; /* of the rows that it walks: the last one it has seen */
    size_t *left;         /* of the batch's slice */
};

static int put(struct core *core, const struct errand *errand)
{
    uint8_t what[STORE_KEY_MAX];
    memcpy(what, errand->job.at, 16);
    what[16] = (uint8_t)errand->kind;
    put_be64(what + 17, errand->stamp);
    memcpy(what + HEAD_LEN, errand->after.at, errand->after.len);
    core->errands = core->changed = true;
    return timer_set(core, 0, TIMER_FAMILY, (struct slice){what, HEAD_LEN + errand->after.len});
}

static int parse(struct slice what, struct errand *errand_out)
{
    *errand_out = (struct errand){0};
    if (what.len < HEAD_LEN || what.len - HEAD_LEN > 33)
        return 1;
    memcpy(errand_out->job.at, what.at, 16);
    errand_out->kind = (enum errand_kind)what.at[16];
    errand_out->stamp = get_be64(what.at + 17);
    errand_out->after.len = what.len - HEAD_LEN;
    memcpy(errand_out->after.at, what.at + HEAD_LEN, errand_out->after.len);
    return 0;
}

static int begin(struct core *core, const struct uuid *job, enum errand_kind kind, uint64_t stamp)
{
    struct errand errand = {.job = *job, .kind = kind, .stamp = stamp};
    return put(core, &errand);
}

int family_tell_children(struct core *core, const struct job *job)
{
    return job->s.has_children ? begin(core, &job->id, TELL_CHILDREN, 0) : 0;
}

int family_tell_parents(struct core *core, const struct job *job)
{
    return job->s.parents ? begin(core, &job->id, TELL_PARENTS, 0) : 0;
}

int family_unblock(struct core *core, const struct uuid *id)
{
    return begin(core, id, UNBLOCK, 0);
}

int family_cancel(struct core *core, const struct job *job, uint64_t stamp)
{
    return job->s.has_children ? begin(core, &job->id, CANCEL_TREE, stamp) : 0;
}

bool family_waits(const struct core *core)
{
    return core->errands;
}

/* --- what is done with one relative -------------------------------------------------------- */

/* Saves the job, let go if nothing holds it any more. */
static int unblock(struct core *core, struct job *job)
{
    struct uuid holder;
    if (job->s.status != JOB_BLOCKED || job->s.open_parents > 0)
        return job_save(core, job);
    int rc = unique_waits_for(core, job, &holder);
    if (rc < 0 || !uuid_is_null(&holder))
        return rc < 0 ? rc : job_save(core, job);
    bool later = job->s.due_at > core->now.wall_ms;
    rc = job_move(core, job, later ? JOB_SCHEDULED : JOB_PENDING);
    struct wire_event event = {.type = later ? TEXT("scheduled") : TEXT("pending"),
                               .run_at = later ? job->s.due_at : 0};
    if (rc == 0)
        rc = job_emit(core, job, &event);
    return rc < 0 ? rc : job_save(core, job);
}

static int cancel_with_parent(struct core *core, struct job *job, const struct uuid *parent,
                              const char *before, const char *behind)
{
    char name[UUID_TEXT_LEN + 1], reason[96];
    uuid_format(parent, name);
    int len = snprintf(reason, sizeof reason, "%s%s%s", before, name, behind);
    return control_cancel(core, job, (struct text){reason, (size_t)len});
}

static int follow_parent(struct core *core, struct job *job, const struct uuid *parent,
                         enum job_state status)
{
    return cancel_with_parent(core, job, parent, "its parent ",
                              status == JOB_FAILED ? " has failed" : " was cancelled");
}

int family_refuse(struct core *core, struct job *job, const struct uuid *parent)
{
    struct job failed = {0};
    int rc = job_load(core, parent, &failed);
    if (rc == 0)
        rc = follow_parent(core, job, parent, failed.s.status);
    buf_fini(&failed.bytes);
    return rc > 0 ? -EBADMSG : rc;
}

/* The child of a row (parent | 0 | child → settled) takes note of how its parent stands. */
static int tell_child(struct core *core, const struct uuid *parent, enum job_state status,
                      const struct store_row *row)
{
    struct uuid unused, id;
    bool over, ended = job_state_is_terminal(status);
    struct job *child = &core->job;
    if (key_child_parse(row->key, &unused, &over, &id) != 0)
        return -EBADMSG;
    if ((row->value.len > 0) == ended)
        return 0;
    int rc = job_load(core, &id, child);
    if (rc != 0 || child->s.status != JOB_BLOCKED)
        return rc < 0 ? rc : 0;
    rc = store_put(core->store, TABLE_CHILD, row->key, parents_edge(ended));
    if (rc < 0)
        return rc;
    child->s.open_parents = ended ? child->s.open_parents - 1 : child->s.open_parents + 1;
    if (ended && status != JOB_COMPLETED && !child->s.run_anyway)
        return follow_parent(core, child, parent, status);
    return unblock(core, child);
}

static int cancel_child(struct core *core, const struct errand *errand, const struct uuid *id)
{
    struct job *child = &core->job;
    int rc = job_load(core, id, child);
    if (rc != 0 || child->s.tree >= errand->stamp)
        return rc < 0 ? rc : 0;
    child->s.tree = errand->stamp;
    if (job_state_is_terminal(child->s.status))
        rc = job_save(core, child);
    else
        rc = cancel_with_parent(core, child, &errand->job, "the tree below ", " was cancelled");
    return rc < 0 ? rc : family_cancel(core, child, errand->stamp);
}

/* --- walks --------------------------------------------------------------------------------- */

typedef int visitor(struct core *core, const struct errand *errand, enum job_state status,
                    const struct store_row *row);

static int visit_child(struct core *core, const struct errand *errand, enum job_state status,
                       const struct store_row *row)
{
    return tell_child(core, &errand->job, status, row);
}

static int visit_tree(struct core *core, const struct errand *errand, enum job_state status,
                      const struct store_row *row)
{
    struct uuid parent, id;
    bool over;
    (void)status;
    if (key_child_parse(row->key, &parent, &over, &id) != 0)
        return -EBADMSG;
    return cancel_child(core, errand, &id);
}

static int visit_parent(struct core *core, const struct errand *errand, enum job_state status,
                        const struct store_row *row)
{
    struct uuid parent;
    if (key_uuid_parse(row->value, &parent) != 0)
        return -EBADMSG;
    return parents_mark(core, &parent, &errand->job, job_state_is_terminal(status));
}

/* The rows under `prefix` from where the errand was; writes it anew where there are more. */
static int walk(struct core *core, struct errand *errand, enum store_table table,
                struct slice prefix, visitor *visit, enum job_state status)
{
    struct store_rows rows = {0};
    struct store_range range = {.table = table,
                                .prefix = prefix,
                                .after = {errand->after.at, errand->after.len},
                                .limit = *errand->left};
    int rc = store_scan(core->store, &range, &rows);
    for (size_t i = 0; i < rows.count && rc == 0; i++)
        rc = visit(core, errand, status, &rows.at[i]);
    bool more = rc == 0 && rows.count == range.limit;
    *errand->left -= rows.count;
    if (more) {
        struct slice last = rows.at[rows.count - 1].key;
        memcpy(errand->after.at, last.at, errand->after.len = last.len);
        rc = put(core, errand);
    }
    store_rows_fini(&rows);
    return rc;
}

static int run(struct core *core, struct errand *errand)
{
    struct rec_key key;
    int rc = job_load(core, &errand->job, &core->job);
    if (rc != 0)
        return rc < 0 ? rc : 0; /* it is gone, and with it all that it could be told */
    enum job_state status = core->job.s.status;
    switch (errand->kind) {
    case UNBLOCK:
        --*errand->left;
        return core->job.s.status == JOB_BLOCKED ? unblock(core, &core->job) : 0;
    case TELL_CHILDREN:
        return walk(core, errand, TABLE_CHILD, key_children(&key, &errand->job, false), visit_child,
                    status);
    case CANCEL_TREE:
        return walk(core, errand, TABLE_CHILD, key_job(&errand->job), visit_tree, status);
    case TELL_PARENTS:
        if (core->job.s.ending)
            status = JOB_RUNNING;
        return walk(core, errand, TABLE_PARENT, key_job(&errand->job), visit_parent, status);
    }
    return -EBADMSG;
}

static int run_row(struct core *core, struct slice key, size_t *left)
{
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    struct errand errand;
    if (key_timer_parse(key, &at, &kind, &what) != 0 || parse(what, &errand) != 0)
        return -EBADMSG;
    errand.left = left;
    int rc = store_del(core->store, TABLE_TIMER, key);
    return rc < 0 ? rc : run(core, &errand);
}

int family_run(struct core *core)
{
    static const uint8_t prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, TIMER_FAMILY};
    struct store_rows rows = {0};
    struct store_range range = {
        .table = TABLE_TIMER, .prefix = {prefix, sizeof prefix}, .limit = ERRANDS_MAX};
    size_t left = FAMILY_SLICE, i = 0;
    if (!core->errands)
        return 0;
    int rc = store_scan(core->store, &range, &rows);
    core->errands = false;
    core->changed |= rows.count > 0;
    for (; i < rows.count && rc == 0 && left > 0; i++)
        rc = run_row(core, rows.at[i].key, &left);
    core->errands |= i < rows.count || rows.count == ERRANDS_MAX;
    store_rows_fini(&rows);
    return rc < 0 ? rc : 0;
}
