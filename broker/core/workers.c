/* The messages `get_workers` and `drain_worker`: who works, and who shall stop. Changes nothing in
 * the store. Workers are everybody's, so only who sees all may ask. */
#include "broker/core/workers.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/core/caller.h"
#include "broker/core/effects.h"
#include "broker/core/reply.h"
#include "proto/pack.h"

static bool takes_queue(const struct worker *worker, struct text queue)
{
    for (size_t i = 0; i < worker->queue_count; i++)
        if (text_eq(worker->queues[i], queue))
            return true;
    return false;
}

struct capable workers_capable(const struct core *core, struct text queue, struct text type)
{
    struct capable capable = {0};
    const struct session *session;
    DL_FOREACH(core->workers, session)
    {
        const struct worker *worker = session->worker;
        if (session->peer == 0 || worker->slots == 0 || !takes_queue(worker, queue) ||
            !worker_takes(worker, type))
            continue;
        capable.workers++;
        capable.slots += worker->slots;
        capable.busy += worker->held < worker->slots ? worker->held : worker->slots;
    }
    return capable;
}

static int check_caller(struct core *core, const struct session *session,
                        const struct message *message)
{
    struct caller caller = caller_of(session, message);
    if (caller.sees_all || session->role == ROLE_OBSERVER)
        return 0;
    return refuse(core, WIRE_FORBIDDEN, "", "only an admin or an observer sees the workers");
}

static int pack_names(struct buf *out, const struct text *names, size_t count)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = pack_text(out, names[i]);
    if (rc == 0)
        list_end(out, mark, (uint32_t)count);
    return rc;
}

static int pack_jobs(struct buf *out, const struct worker *worker)
{
    size_t mark;
    uint32_t count = 0;
    const struct lease *lease;
    int rc = list_begin(out, &mark);
    DL_FOREACH(worker->leases, lease)
    {
        const struct wire_worker_job job = {
            .job = lease->job, .fence = lease->fence, .since = lease->since};
        if (rc == 0)
            rc = shape_encode(out, &shape_worker_job, &job, KEYS_NAMES);
        count++;
    }
    if (rc == 0)
        list_end(out, mark, count);
    return rc;
}

/* Appends the worker as everybody sees it. Its three lists gather in one buf; they are cut out of
 * it once that has stopped growing. */
static int render(struct core *core, const struct session *session, struct buf *out)
{
    const struct worker *worker = session->worker;
    struct wire_worker_ref ref = {0};
    struct fault fault;
    struct buf *lists = &core->value;
    buf_clear(lists);
    shape_decode(buf_slice(&worker->ref), &shape_worker_ref, KEYS_NAMES, &ref, &fault);
    int rc = pack_names(lists, worker->queues, worker->queue_count);
    size_t types = lists->len;
    if (rc == 0)
        rc = pack_names(lists, worker->types, worker->type_count);
    size_t jobs = lists->len;
    if (rc == 0)
        rc = pack_jobs(lists, worker);
    if (rc < 0)
        return rc;
    const struct wire_worker wire = {.id = session->id,
                                     .name = ref.name,
                                     .host = ref.host,
                                     .pid = worker->pid,
                                     .version = text_of(worker->program),
                                     .queues = {lists->at, types},
                                     .types = {lists->at + types, jobs - types},
                                     .slots = opt_of(worker->slots),
                                     .busy = opt_of(worker->held),
                                     .draining = worker->draining || worker->slots == 0,
                                     .away = session->peer == 0,
                                     .running = {lists->at + jobs, lists->len - jobs},
                                     .since = worker->since};
    return shape_encode(out, &shape_worker, &wire, KEYS_NAMES);
}

static int by_id(const void *a, const void *b)
{
    const struct session *const *x = a, *const *y = b;
    return uuid_cmp(&(*x)->id, &(*y)->id);
}

/* All workers in order of their ids; the caller frees the array. 0, -ENOMEM. */
static int sorted(struct core *core, struct session ***all_out)
{
    struct session *session, **all = calloc(core->worker_count + 1, sizeof *all);
    size_t count = 0;
    *all_out = all;
    if (!all)
        return -ENOMEM;
    DL_FOREACH(core->workers, session)
    {
        all[count++] = session;
    }
    qsort(all, count, sizeof *all, by_id);
    return 0;
}

static int collect(struct core *core, const struct msg_get_workers *ask, struct session **all,
                   uint32_t *count_out, bool *more_out)
{
    uint64_t limit = ask->limit ? ask->limit : LIST_LIMIT_DEFAULT;
    for (; *all && uuid_cmp(&(*all)->id, &ask->after) <= 0; all++)
        if (uuid_is_null(&ask->after))
            break;
    for (; *all; all++) {
        *more_out = *count_out >= limit || core->answer.len > PAGE_SIZE_MAX;
        if (*more_out)
            return 0;
        int rc = render(core, *all, &core->answer);
        if (rc < 0)
            return rc;
        ++*count_out;
    }
    return 0;
}

int handle_get_workers(struct core *core, struct session *session, const struct message *message)
{
    struct message answer = {.id = MSG_WORKERS};
    struct session **all = NULL;
    uint32_t count = 0;
    size_t mark;
    int rc = check_caller(core, session, message);
    if (rc != 0)
        return rc;
    buf_clear(&core->answer);
    rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = sorted(core, &all);
    if (rc == 0)
        rc = collect(core, &message->get_workers, all, &count, &answer.workers.more);
    free(all);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    answer.workers.workers = buf_slice(&core->answer);
    return reply(core, &answer);
}

/* What each answer to its heartbeats says too; now, so that it need not wait for the next. */
static int tell(struct core *core, const struct session *worker)
{
    struct message beat = {.id = MSG_BEAT};
    beat.beat.now = core->now.wall_ms;
    beat.beat.drain = true;
    return send_to(core, worker, &beat);
}

int handle_drain_worker(struct core *core, struct session *session, const struct message *message)
{
    const struct uuid *id = &message->drain_worker.id;
    struct message answer = {.id = MSG_WORKER_IS};
    struct session *worker;
    char text[UUID_TEXT_LEN + 1];
    struct caller caller = caller_of(session, message);
    if (!caller.sees_all)
        return refuse(core, WIRE_FORBIDDEN, "", "only an admin drains workers");
    HASH_FIND(by_id, core->by_id, id, sizeof *id, worker);
    uuid_format(id, text);
    if (!worker || !worker->worker)
        return refuse(core, WIRE_NOT_FOUND, "id", "there is no worker %s", text);
    worker->worker->draining = true;
    worker_set_slots(worker->worker, 0);
    int rc = tell(core, worker);
    buf_clear(&core->answer);
    if (rc == 0)
        rc = render(core, worker, &core->answer);
    answer.worker_is.worker = buf_slice(&core->answer);
    return rc < 0 ? rc : reply(core, &answer);
}
