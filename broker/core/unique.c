/* Who has which unique key. Must never cancel before unique_check has said that all is well. */
#include "broker/core/unique.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "broker/core/control.h"
#include "broker/core/family.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"

enum policy { POLICY_REJECT, POLICY_RETURN, POLICY_REPLACE, POLICY_SUPERSEDE };

static enum policy policy_of(const struct wire_spec *spec)
{
    if (text_is(spec->unique_policy, "return"))
        return POLICY_RETURN;
    if (text_is(spec->unique_policy, "replace"))
        return POLICY_REPLACE;
    return text_is(spec->unique_policy, "supersede") ? POLICY_SUPERSEDE : POLICY_REJECT;
}

static struct slice key_of(struct rec_key *key, const struct wire_spec *spec)
{
    return key_unique(key, spec->owner, spec->queue, spec->unique_key);
}

/* 0, STORE_NOT_FOUND, -errno. */
static int row_get(struct core *core, struct slice key, struct rec_unique *row_out)
{
    struct slice value;
    *row_out = (struct rec_unique){0};
    int rc = store_get(core->store, TABLE_UNIQUE, key, &value);
    if (rc != 0)
        return rc;
    return rec_unique_parse(value, row_out) == 0 ? 0 : -EBADMSG;
}

static int row_put(struct core *core, struct slice key, const struct rec_unique *row)
{
    core->changed = true;
    return store_put(core->store, TABLE_UNIQUE, key, rec_unique_bytes(row));
}

/* Of a job that is in the store: its key is in its spec. */
static int row_of(struct core *core, const struct job *job, struct rec_key *key_at,
                  struct slice *key_out, struct rec_unique *row_out)
{
    struct wire_spec spec;
    int rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    *key_out = key_unique(key_at, job->s.owner, job->s.queue, spec.unique_key);
    return row_get(core, *key_out, row_out);
}

static int refuse_taken(struct core *core, const struct job *holder)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&holder->id, text);
    if (holder->s.ending)
        refuse(core, WIRE_CONFLICT, "unique_key", "job %s has this key until its handler is gone",
               text);
    else
        refuse(core, WIRE_CONFLICT, "unique_key", "job %s has this key and is %s", text,
               job_state_word(holder->s.status));
    core->fault_job = holder->id;
    return REFUSED;
}

static bool is_replaceable(const struct job *job)
{
    return job->s.status == JOB_PENDING || job->s.status == JOB_SCHEDULED ||
           job->s.status == JOB_BLOCKED;
}

/* The holder as it stands. 0, -errno. */
static int load_holder(struct core *core, const struct uuid *id, struct job *job)
{
    int rc = job_load(core, id, job);
    return rc > 0 ? -EBADMSG : rc; /* a key of a job that is not there */
}

int unique_check(struct core *core, const struct wire_spec *spec, struct uuid *existing_out)
{
    struct rec_key key;
    struct rec_unique row;
    *existing_out = (struct uuid){{0}};
    if (spec->unique_key.len == 0)
        return 0;
    int rc = row_get(core, key_of(&key, spec), &row);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    enum policy policy = policy_of(spec);
    if (policy == POLICY_RETURN)
        *existing_out = uuid_is_null(&row.waiter) ? row.holder : row.waiter;
    if (policy == POLICY_RETURN || policy == POLICY_SUPERSEDE)
        return 0;
    rc = load_holder(core, &row.holder, &core->job);
    if (rc < 0 || (policy == POLICY_REPLACE && is_replaceable(&core->job)))
        return rc;
    return refuse_taken(core, &core->job);
}

static int cancel_for(struct core *core, const struct uuid *id, const struct uuid *successor,
                      bool *ending_out)
{
    struct job job = {0};
    char name[UUID_TEXT_LEN + 1], reason[64];
    uuid_format(successor, name);
    int len = snprintf(reason, sizeof reason, "replaced by %s", name);
    int rc = load_holder(core, id, &job);
    if (rc == 0 && !job_state_is_terminal(job.s.status))
        rc = control_cancel(core, &job, (struct text){reason, (size_t)len});
    *ending_out = job.s.ending;
    buf_fini(&job.bytes);
    return rc;
}

int unique_take(struct core *core, const struct wire_spec *spec, const struct uuid *id,
                bool *waits_out)
{
    struct rec_key key;
    struct rec_unique row;
    bool ending = false;
    *waits_out = false;
    int rc = row_get(core, key_of(&key, spec), &row);
    if (rc == 0 && !uuid_is_null(&row.waiter))
        rc = cancel_for(core, &row.waiter, id, &ending);
    if (rc == 0)
        rc = cancel_for(core, &row.holder, id, &ending);
    if (rc < 0)
        return rc;
    *waits_out = ending;
    row = ending ? (struct rec_unique){row.holder, *id} : (struct rec_unique){.holder = *id};
    return row_put(core, key_of(&key, spec), &row);
}

int unique_check_again(struct core *core, const struct job *job)
{
    struct rec_key key_at;
    struct slice key;
    struct rec_unique row;
    struct job holder = {0};
    int rc = job->s.keyed ? row_of(core, job, &key_at, &key, &row) : STORE_NOT_FOUND;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = load_holder(core, &row.holder, &holder);
    if (rc == 0)
        rc = refuse_taken(core, &holder);
    buf_fini(&holder.bytes);
    return rc;
}

int unique_take_again(struct core *core, const struct job *job)
{
    struct rec_key key_at;
    struct slice key;
    struct rec_unique row;
    int rc = job->s.keyed ? row_of(core, job, &key_at, &key, &row) : 0;
    if (!job->s.keyed || rc < 0)
        return rc;
    CHECK(rc == STORE_NOT_FOUND); /* unique_check_again has said so */
    row = (struct rec_unique){.holder = job->id};
    return row_put(core, key, &row);
}

/* Who waited has the key now: it is let go, unless its parents hold it. */
static int let_go(struct core *core, const struct uuid *id)
{
    struct job job = {0};
    int rc = load_holder(core, id, &job);
    if (rc == 0 && job.s.open_parents == 0)
        rc = family_unblock(core, id);
    buf_fini(&job.bytes);
    return rc;
}

int unique_leave(struct core *core, const struct job *job)
{
    struct rec_key key_at;
    struct slice key;
    struct rec_unique row;
    int rc = job->s.keyed ? row_of(core, job, &key_at, &key, &row) : STORE_NOT_FOUND;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (uuid_eq(&row.waiter, &job->id)) {
        row.waiter = (struct uuid){{0}};
        return row_put(core, key, &row);
    }
    if (!uuid_eq(&row.holder, &job->id))
        return 0;
    if (uuid_is_null(&row.waiter))
        return store_del(core->store, TABLE_UNIQUE, key);
    row = (struct rec_unique){.holder = row.waiter};
    rc = row_put(core, key, &row);
    return rc < 0 ? rc : let_go(core, &row.holder);
}

int unique_waits_for(struct core *core, const struct job *job, struct uuid *holder_out)
{
    struct rec_key key_at;
    struct slice key;
    struct rec_unique row;
    *holder_out = (struct uuid){{0}};
    int rc = job->s.keyed ? row_of(core, job, &key_at, &key, &row) : STORE_NOT_FOUND;
    if (rc == 0 && uuid_eq(&row.waiter, &job->id))
        *holder_out = row.holder;
    return rc < 0 ? rc : 0;
}

/* --- several jobs of one batch ------------------------------------------------------------- */

struct wish {
    struct text owner, queue, key;
    uint32_t index;
    bool alone; /* takes no key that another has */
};

int unique_batch_add(struct unique_batch *batch, const struct wire_spec *spec, uint32_t index)
{
    struct wish wish = {spec->owner, spec->queue, spec->unique_key, index,
                        policy_of(spec) == POLICY_REJECT};
    if (spec->unique_key.len == 0)
        return 0;
    batch->count++;
    return buf_append(&batch->keys, &wish, sizeof wish);
}

static int compare_keys(const struct wish *a, const struct wish *b)
{
    int order = text_cmp(a->owner, b->owner);
    if (order == 0)
        order = text_cmp(a->queue, b->queue);
    return order ? order : text_cmp(a->key, b->key);
}

static int compare_wishes(const void *left, const void *right)
{
    const struct wish *a = left, *b = right;
    int order = compare_keys(a, b);
    return order ? order : a->index < b->index ? -1 : 1;
}

int unique_batch_check(struct core *core, struct unique_batch *batch, uint32_t *index_out)
{
    struct wish *at = (struct wish *)(void *)batch->keys.at;
    if (batch->count < 2)
        return 0;
    qsort(at, batch->count, sizeof *at, compare_wishes);
    for (uint32_t i = 1; i < batch->count; i++) {
        if (!at[i].alone || compare_keys(&at[i - 1], &at[i]) != 0)
            continue;
        *index_out = at[i].index;
        return refuse(core, WIRE_CONFLICT, "unique_key", "jobs[%u] of this submit takes this key",
                      at[i - 1].index);
    }
    return 0;
}

void unique_batch_fini(struct unique_batch *batch)
{
    buf_fini(&batch->keys);
}
