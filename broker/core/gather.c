/* Lists of items per worker that become one message each at the end of a batch. */
#include "broker/core/gather.h"

#include "broker/core/reply.h"

enum { GATHER_SIZE_MAX = MESSAGE_SIZE_MAX / 4, GATHER_ITEMS_MAX = REPORT_ITEMS_MAX };

/* The effect has the message's number, so that its leases are known where it can't be sent. */
static int send_dispatch(struct core *core, struct session *session, struct gather *gather,
                         struct slice jobs)
{
    struct message message = {.id = MSG_DISPATCH, .dispatch.jobs = jobs};
    size_t before = core->effects->count;
    int rc = send_to(core, session, &message);
    gather->count = 0;
    if (rc == 0 && core->effects->count > before)
        core->effects->at[before].dispatch = gather->number;
    return rc;
}

static int send_list(struct core *core, struct session *session, struct gather *gather,
                     enum message_id id)
{
    if (gather->count == 0)
        return 0;
    list_end(&gather->items, gather->mark, gather->count);
    struct message message = {.id = id};
    struct slice list = buf_slice(&gather->items);
    if (id == MSG_DISPATCH)
        return send_dispatch(core, session, gather, list);
    if (id == MSG_SETTLED)
        message.settled.items = list;
    else if (id == MSG_REPORTED)
        message.reported.items = list;
    else
        message.stop.items = list;
    gather->count = 0;
    return send_to(core, session, &message);
}

int gather_flush(struct core *core, struct session *session)
{
    struct worker *worker = session->worker;
    int rc = send_list(core, session, &worker->settled, MSG_SETTLED);
    if (rc == 0)
        rc = send_list(core, session, &worker->reported, MSG_REPORTED);
    if (rc == 0)
        rc = send_list(core, session, &worker->stop, MSG_STOP);
    if (rc == 0)
        rc = send_list(core, session, &worker->dispatch, MSG_DISPATCH);
    return rc;
}

int gather_add(struct core *core, struct session *session, struct gather *gather,
               const struct shape *shape, const void *item)
{
    bool full = gather->items.len > GATHER_SIZE_MAX || gather->count >= GATHER_ITEMS_MAX;
    int rc = gather->count && full ? gather_flush(core, session) : 0;
    if (rc == 0 && gather->count == 0) {
        buf_clear(&gather->items);
        gather->number = ++core->dispatch;
        rc = list_begin(&gather->items, &gather->mark);
    }
    if (rc == 0)
        rc = shape_encode(&gather->items, shape, item, KEYS_NAMES);
    if (rc == 0)
        gather->count++;
    return rc;
}

int gather_stop(struct core *core, const struct lease *lease, const char *reason)
{
    if (!lease->holder)
        return 0;
    struct wire_stop_item item = {.job = lease->job,
                                  .fence = lease->fence,
                                  .reason = text_of(reason),
                                  .grace_ms = core->config.grace_ms};
    return gather_add(core, lease->holder, &lease->holder->worker->stop, &shape_stop_item, &item);
}

void gather_clear(struct worker *worker)
{
    worker->dispatch.count = worker->settled.count = 0;
    worker->reported.count = worker->stop.count = 0;
}

void gather_fini(struct worker *worker)
{
    buf_fini(&worker->dispatch.items);
    buf_fini(&worker->settled.items);
    buf_fini(&worker->reported.items);
    buf_fini(&worker->stop.items);
}
