/* The tables by which jobs are listed. Touches nothing but these two. */
#include "broker/core/index.h"

static const struct slice nothing = {(const uint8_t *)"", 0};

/* Deleting what is not there is no error of ours: -errno only. */
static int unset(struct core *core, enum store_table table, struct slice key)
{
    int rc = store_del(core->store, table, key);
    return rc < 0 ? rc : 0;
}

static int move_status(struct core *core, const struct rec_state *s, const struct uuid *job,
                       enum job_state from, enum job_state to)
{
    struct rec_key key;
    bool system = queue_is_system(s->queue);
    int rc = 0;
    if (from != JOB_NONE)
        rc = unset(core, TABLE_STATUS, key_status(&key, from, system, s->created_at, job));
    if (rc == 0 && to != JOB_NONE)
        rc = store_put(core->store, TABLE_STATUS, key_status(&key, to, system, s->created_at, job),
                       nothing);
    return rc;
}

static int move_class(struct core *core, const struct rec_state *s, const struct uuid *job,
                      enum job_state from, enum job_state to)
{
    const struct {
        char dimension;
        struct text name;
    } rows[] = {{'o', s->owner}, {'t', s->type}, {'q', s->queue}};
    struct rec_key key;
    bool system = queue_is_system(s->queue);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (from != JOB_NONE)
            rc = unset(core, TABLE_INDEX,
                       key_index(&key, rows[i].dimension, rows[i].name, class_of(from), system,
                                 s->created_at, job));
        if (rc == 0 && to != JOB_NONE)
            rc = store_put(core->store, TABLE_INDEX,
                           key_index(&key, rows[i].dimension, rows[i].name, class_of(to), system,
                                     s->created_at, job),
                           nothing);
    }
    return rc;
}

int index_move(struct core *core, const struct rec_state *s, const struct uuid *job,
               enum job_state from, enum job_state to)
{
    core->index_moves++;
    int rc = move_status(core, s, job, from, to);
    bool same = from != JOB_NONE && to != JOB_NONE && class_of(from) == class_of(to);
    return rc < 0 || same ? rc : move_class(core, s, job, from, to);
}
