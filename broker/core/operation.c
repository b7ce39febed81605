/* Durable operations: their records, their slices, and what clients ask of them. What is done to
 * one job is in bulk.c. */
#include "broker/core/operation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/bulk.h"
#include "broker/core/caller.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"
#include "broker/core/timer.h"
#include "broker/core/walk.h"

enum {
    BUSY_CHANGES = 32, /* jobs changed in one slice, beside other work */
    BUSY_ROWS = 500,   /* jobs looked at */
    IDLE_CHANGES = 512,
    IDLE_ROWS = 5000,
    ROOM_WAIT_MS = 1000 /* until the disk is looked at again */
};

/* One that runs, in memory. */
struct operation {
    struct rec_operation rec;   /* rec.operation is encoded anew from `wire` whenever it is saved */
    struct wire_operation wire; /* its texts are in `bytes` */
    struct buf bytes;
    const struct bulk *bulk;
    char problem[sizeof((struct fault *)0)->problem];
    bool dirty;
    uint64_t next_at; /* mono: it has nothing to do before; UINT64_MAX: until a job has ended */
    struct walk_place place;
    struct operation *prev, *next;
};

/* --- records ---------------------------------------------------------------------------------- */

static int save(struct core *core, struct operation *op)
{
    core->changed = true;
    op->dirty = false;
    op->wire.updated_at = core->now.wall_ms;
    op->wire.problem = text_of(op->problem);
    op->rec.place = (struct slice){op->place.at, op->place.set ? sizeof op->place.at : 0};
    struct slice value;
    int rc =
        shape_keep(&core->scratch, &shape_operation, &op->wire, KEYS_NAMES, &op->rec.operation);
    if (rc == 0)
        rc = shape_keep(&core->record, &shape_rec_operation, &op->rec, KEYS_NUMBERS, &value);
    return rc < 0 ? rc : store_put(core->store, TABLE_OPERATION, key_job(&op->wire.id), value);
}

/* Reads a record; the texts point into `value`. 0, -EBADMSG. */
static int decode(struct slice value, struct rec_operation *rec, struct wire_operation *wire)
{
    struct fault fault;
    if (shape_decode(value, &shape_rec_operation, KEYS_NUMBERS, rec, &fault) != 0 ||
        shape_decode(rec->operation, &shape_operation, KEYS_NAMES, wire, &fault) != 0)
        return -EBADMSG;
    return 0;
}

static void forget(struct core *core, struct operation *op)
{
    DL_DELETE(core->operations, op);
    core->operation_count--;
    buf_fini(&op->bytes);
    free(op);
}

/* Takes a running operation into memory. */
static int remember(struct core *core, struct slice value)
{
    struct operation *op = calloc(1, sizeof *op);
    if (!op)
        return -ENOMEM;
    int rc = buf_append(&op->bytes, value.at, value.len);
    if (rc == 0)
        rc = decode(buf_slice(&op->bytes), &op->rec, &op->wire);
    op->bulk = rc == 0 ? bulk_find(op->wire.kind) : NULL;
    if (!op->bulk) {
        buf_fini(&op->bytes);
        free(op);
        return rc < 0 ? rc : -EBADMSG;
    }
    op->place.set = op->rec.place.len == sizeof op->place.at;
    if (op->place.set)
        memcpy(op->place.at, op->rec.place.at, sizeof op->place.at);
    DL_APPEND(core->operations, op);
    core->operation_count++;
    return 0;
}

int operations_load(struct core *core)
{
    struct uuid last;
    bool more = true, begun = false;
    operations_fini(core);
    while (more) {
        struct store_rows rows = {0};
        struct store_range range = {.table = TABLE_OPERATION,
                                    .after = {last.at, begun ? sizeof last.at : 0},
                                    .limit = LIST_LIMIT_MAX};
        int rc = store_scan(core->store, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++) {
            struct rec_operation rec;
            struct wire_operation wire;
            rc = key_uuid_parse(rows.at[i].key, &last) == 0 ? 0 : -EBADMSG;
            if (rc == 0)
                rc = decode(rows.at[i].value, &rec, &wire);
            if (rc == 0 && text_is(wire.status, "running"))
                rc = remember(core, rows.at[i].value);
        }
        begun = true;
        more = rows.count == LIST_LIMIT_MAX;
        store_rows_fini(&rows);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void operations_fini(struct core *core)
{
    while (core->operations)
        forget(core, core->operations);
}

static struct operation *find(struct core *core, const struct uuid *id)
{
    struct operation *op;
    DL_FOREACH(core->operations, op)
    {
        if (uuid_eq(&op->wire.id, id))
            return op;
    }
    return NULL;
}

/* --- slices ----------------------------------------------------------------------------------- */

/* It is over: its record says so, and goes after a while. */
static int finish(struct core *core, struct operation *op, const char *status)
{
    op->wire.status = text_of(status);
    op->wire.ended_at = core->now.wall_ms;
    int rc = save(core, op);
    if (rc == 0)
        rc = timer_set(core, core->now.wall_ms + OPERATION_KEPT_MS, TIMER_OPERATION,
                       key_job(&op->wire.id));
    forget(core, op);
    return rc;
}

int operation_expire(struct core *core, struct slice what)
{
    int rc = store_del(core->store, TABLE_OPERATION, what);
    return rc < 0 ? rc : 0;
}

/* How many jobs may be changed now; 0: op->next_at says when again. */
static uint64_t allowed(struct core *core, struct operation *op)
{
    const struct wire_operation *wire = &op->wire;
    uint64_t most = core->messages ? BUSY_CHANGES : IDLE_CHANGES;
    op->next_at = 0;
    if (wire->changed < wire->canaries)
        return most < wire->canaries - wire->changed ? most : wire->canaries - wire->changed;
    if (wire->canaries && wire->ended < wire->canaries) {
        op->next_at = UINT64_MAX; /* the canaries first */
        return 0;
    }
    if (wire->per_second == 0)
        return most;
    if (op->rec.paced_at == 0 || op->rec.paced_at > core->now.wall_ms) {
        op->rec.paced_at = core->now.wall_ms; /* it begins, or the clock was set back */
        op->rec.paced_n = 0;
    }
    uint64_t due = (core->now.wall_ms - op->rec.paced_at) * wire->per_second / 1000 + 1;
    if (due > op->rec.paced_n)
        return most < due - op->rec.paced_n ? most : due - op->rec.paced_n;
    uint64_t wait = (op->rec.paced_n * 1000 + wire->per_second - 1) / wire->per_second -
                    (core->now.wall_ms - op->rec.paced_at);
    op->next_at = core->now.mono_ms + (wait ? wait : 1);
    return 0;
}

static int change(struct core *core, struct operation *op)
{
    struct wire_operation *wire = &op->wire;
    wire->examined++;
    struct caller caller = {wire->owner, op->rec.sees_all};
    int rc = op->bulk->act(core, &caller, wire);
    if (rc == REFUSED)
        wire->refused++;
    else if (rc == 0 && ++wire->changed > wire->canaries)
        op->rec.paced_n++;
    return rc < 0 ? rc : 0;
}

/* Walks on and changes what fits. Returns a WALK_…, or -errno. */
static int walk_on(struct core *core, struct operation *op, const struct filter *filter,
                   uint64_t most)
{
    struct walk_from from = {.place = op->place,
                             .oldest_first = true,
                             .rows_max = core->messages ? BUSY_ROWS : IDLE_ROWS};
    struct walk *walk;
    uint64_t before = op->wire.changed;
    int rc = walk_start(core, filter, &from, &walk);
    if (rc < 0)
        return rc;
    rc = WALK_JOB;
    while (rc == WALK_JOB && op->wire.changed - before < most) {
        rc = walk_next(walk, &core->job);
        int changed = rc == WALK_JOB ? change(core, op) : 0;
        if (changed < 0)
            rc = changed;
    }
    op->place = walk_place(walk);
    walk_end(&walk);
    return rc;
}

static bool failed_too_often(const struct operation *op)
{
    return op->wire.failures_max.set && op->wire.failed > op->wire.failures_max.value;
}

static int stop_by_itself(struct core *core, struct operation *op)
{
    snprintf(op->problem, sizeof op->problem,
             "%" PRIu64 " of %" PRIu64 " jobs that it made run again have failed again",
             op->wire.failed, op->wire.changed);
    return finish(core, op, "stopped");
}

static int run_slice(struct core *core, struct operation *op)
{
    struct filter filter;
    struct caller caller = {op->wire.owner, op->rec.sees_all};
    uint64_t most = allowed(core, op);
    if (most == 0)
        return op->dirty ? save(core, op) : 0;
    int rc = filter_read(core, &caller, op->wire.filter, &filter);
    if (rc == 0)
        rc = bulk_narrow(core, op->bulk, &op->wire, &filter);
    if (rc == REFUSED) { /* it was checked when it was started: the rules have changed since */
        snprintf(op->problem, sizeof op->problem, "%s", core->fault.problem);
        return finish(core, op, "stopped");
    }
    if (rc == 0)
        rc = walk_on(core, op, &filter, most);
    if (rc < 0)
        return rc;
    core->again = true;
    return rc == WALK_END ? finish(core, op, "done") : save(core, op);
}

static bool has_room(const struct core *core, const struct operation *op)
{
    return !core->is_full && (core->has_room || !op->bulk->makes);
}

/* The first in line that has something to do now, and room for it on the disk. */
static struct operation *next_to_run(struct core *core)
{
    struct operation *op;
    DL_FOREACH(core->operations, op)
    {
        if (op->next_at > core->now.mono_ms && !op->dirty)
            continue;
        if (has_room(core, op))
            return op;
        op->next_at = core->now.mono_ms + ROOM_WAIT_MS;
    }
    return NULL;
}

int operations_run(struct core *core)
{
    struct operation *op = next_to_run(core);
    if (!op)
        return 0;
    DL_DELETE(core->operations, op);
    DL_APPEND(core->operations, op);
    return failed_too_often(op) ? stop_by_itself(core, op) : run_slice(core, op);
}

uint64_t operations_next(const struct core *core)
{
    const struct operation *op;
    uint64_t next = UINT64_MAX;
    DL_FOREACH(core->operations, op)
    {
        next = op->next_at < next ? op->next_at : next;
    }
    return next;
}

/* Writes nothing: the caller is in the middle of a move. operations_run does the rest. */
void operation_job_ended(struct core *core, struct job *job, enum job_state to)
{
    if (uuid_is_null(&job->s.operation))
        return;
    struct operation *op = find(core, &job->s.operation);
    job->s.operation = (struct uuid){{0}};
    if (!op)
        return;
    op->wire.ended++;
    op->wire.failed += to == JOB_FAILED;
    op->dirty = true;
    op->next_at = 0;
}

/* --- messages --------------------------------------------------------------------------------- */

static int answer_with(struct core *core, const struct wire_operation *wire)
{
    struct message answer = {.id = MSG_OPERATION_IS};
    int rc = shape_keep(&core->nested, &shape_operation, wire, KEYS_NAMES,
                        &answer.operation_is.operation);
    return rc < 0 ? rc : reply(core, &answer);
}

static int check_start(struct core *core, const struct session *session,
                       const struct caller *caller, const struct msg_start_operation *ask)
{
    struct filter filter;
    const struct bulk *bulk = bulk_find(ask->kind);
    struct wire_operation wire = {.created_at = core->now.wall_ms};
    bool paced = ask->canaries || ask->per_second || ask->failures_max.set || ask->params.len;
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer changes nothing");
    if (!bulk)
        return refuse(core, WIRE_INVALID_REQUEST, "kind",
                      "expected cancel, retry, delete or purge");
    if (uuid_is_null(&ask->id))
        return refuse(core, WIRE_INVALID_REQUEST, "id", "expected an id that the asker made");
    if (paced && !text_is(ask->kind, "retry"))
        return refuse(core, WIRE_INVALID_REQUEST, "kind",
                      "canaries, per_second, failures_max and params are for retry");
    int rc = filter_read(core, caller, ask->filter, &filter);
    return rc != 0 ? rc : bulk_narrow(core, bulk, &wire, &filter);
}

static int start(struct core *core, const struct caller *caller,
                 const struct msg_start_operation *ask)
{
    struct wire_operation wire = {.id = ask->id,
                                  .kind = ask->kind,
                                  .status = TEXT("running"),
                                  .owner = caller->owner,
                                  .filter = ask->filter,
                                  .created_at = core->now.wall_ms,
                                  .updated_at = core->now.wall_ms,
                                  .reason = ask->reason,
                                  .canaries = ask->canaries,
                                  .per_second = ask->per_second,
                                  .failures_max = ask->failures_max,
                                  .params = ask->params};
    if (ask->canaries && !ask->failures_max.set)
        wire.failures_max = opt_of(0);
    struct rec_operation rec = {.sees_all = caller->sees_all};
    struct slice value;
    int rc = shape_keep(&core->scratch, &shape_operation, &wire, KEYS_NAMES, &rec.operation);
    if (rc == 0)
        rc = shape_keep(&core->record, &shape_rec_operation, &rec, KEYS_NUMBERS, &value);
    core->changed = true;
    if (rc == 0)
        rc = store_put(core->store, TABLE_OPERATION, key_job(&ask->id), value);
    if (rc == 0)
        rc = remember(core, value);
    return rc < 0 ? rc : answer_with(core, &wire);
}

/* Reads one of the caller's operations; core->value keeps its bytes. 0, STORE_NOT_FOUND, -errno. */
static int read_own(struct core *core, const struct caller *caller, const struct uuid *id,
                    struct wire_operation *wire_out)
{
    struct slice value;
    struct rec_operation rec;
    int rc = store_get(core->store, TABLE_OPERATION, key_job(id), &value);
    if (rc != 0)
        return rc;
    buf_clear(&core->value);
    rc = buf_append(&core->value, value.at, value.len);
    if (rc == 0)
        rc = decode(buf_slice(&core->value), &rec, wire_out);
    bool own = caller->sees_all || (rc == 0 && text_eq(wire_out->owner, caller->owner));
    return rc < 0 ? rc : own ? 0 : STORE_NOT_FOUND;
}

static int not_found(struct core *core, const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    return refuse(core, WIRE_NOT_FOUND, "id", "there is no operation %s", text);
}

int handle_start_operation(struct core *core, struct session *session,
                           const struct message *message)
{
    const struct msg_start_operation *ask = &message->start_operation;
    struct caller caller = caller_of(session, message);
    struct wire_operation wire;
    struct slice value;
    int rc = check_start(core, session, &caller, ask);
    if (rc != 0)
        return rc;
    rc = store_get(core->store, TABLE_OPERATION, key_job(&ask->id), &value);
    if (rc == 0) { /* the same request again, or somebody else's id */
        rc = read_own(core, &caller, &ask->id, &wire);
        if (rc == 0 && text_eq(wire.kind, ask->kind))
            return answer_with(core, &wire);
        return rc < 0 ? rc : refuse(core, WIRE_CONFLICT, "id", "another operation has this id");
    }
    if (rc < 0)
        return rc;
    if (core->operation_count >= OPERATIONS_RUNNING_MAX)
        return refuse(core, WIRE_RATE_LIMITED, "", "%d operations run already; wait for one",
                      OPERATIONS_RUNNING_MAX);
    return start(core, &caller, ask);
}

int handle_get_operation(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    struct wire_operation wire;
    int rc = read_own(core, &caller, &message->get_operation.id, &wire);
    if (rc == STORE_NOT_FOUND)
        return not_found(core, &message->get_operation.id);
    return rc < 0 ? rc : answer_with(core, &wire);
}

int handle_stop_operation(struct core *core, struct session *session, const struct message *message)
{
    const struct uuid *id = &message->stop_operation.id;
    struct caller caller = caller_of(session, message);
    struct wire_operation wire;
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer changes nothing");
    int rc = read_own(core, &caller, id, &wire);
    if (rc == STORE_NOT_FOUND)
        return not_found(core, id);
    struct operation *op = rc == 0 ? find(core, id) : NULL;
    if (rc == 0 && !op)
        return refuse(core, WIRE_CONFLICT, "", "the operation is %.*s already",
                      (int)wire.status.len, wire.status.at);
    if (rc == 0) {
        snprintf(op->problem, sizeof op->problem, "it was stopped by hand");
        rc = finish(core, op, "stopped");
    }
    if (rc == 0)
        rc = read_own(core, &caller, id, &wire);
    return rc < 0 ? rc : answer_with(core, &wire);
}

/* Appends one row where the caller may see it. 1: it was; 0; -errno. */
static int append(struct core *core, const struct caller *caller, const struct store_row *row)
{
    struct rec_operation rec;
    struct wire_operation wire;
    int rc = decode(row->value, &rec, &wire);
    if (rc < 0)
        return rc;
    if (!caller->sees_all && !text_eq(wire.owner, caller->owner))
        return 0;
    rc = shape_encode(&core->answer, &shape_operation, &wire, KEYS_NAMES);
    return rc < 0 ? rc : 1;
}

int handle_list_operations(struct core *core, struct session *session,
                           const struct message *message)
{
    const struct msg_list_operations *ask = &message->list_operations;
    struct caller caller = caller_of(session, message);
    struct store_range range = {.table = TABLE_OPERATION,
                                .after = key_job(&ask->after),
                                .limit = ask->limit ? (size_t)ask->limit : LIST_LIMIT_DEFAULT,
                                .reverse = true};
    size_t mark;
    uint32_t count = 0;
    if (uuid_is_null(&ask->after))
        range.after = (struct slice){0};
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = store_scan(core->store, &range, &core->rows);
    for (size_t i = 0; i < core->rows.count && rc == 0; i++) {
        int appended = append(core, &caller, &core->rows.at[i]);
        count += appended > 0;
        rc = appended < 0 ? appended : 0;
    }
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    struct message answer = {.id = MSG_OPERATIONS};
    answer.operations.operations = buf_slice(&core->answer);
    answer.operations.more = core->rows.count == range.limit;
    return reply(core, &answer);
}
