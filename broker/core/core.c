/* The core's entrance: one event in, effects out; the end of a batch; the next deadline. */
#include "broker/core/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/tooth.h"
#include "broker/core/ask.h"
#include "broker/core/attempt.h"
#include "broker/core/caller.h"
#include "broker/core/cause.h"
#include "broker/core/charge.h"
#include "broker/core/control.h"
#include "broker/core/counter.h"
#include "broker/core/dispatch.h"
#include "broker/core/effects.h"
#include "broker/core/family.h"
#include "broker/core/gather.h"
#include "broker/core/journal.h"
#include "broker/core/lane.h"
#include "broker/core/lease.h"
#include "broker/core/operation.h"
#include "broker/core/outcome.h"
#include "broker/core/parents.h"
#include "broker/core/query.h"
#include "broker/core/queue.h"
#include "broker/core/reply.h"
#include "broker/core/report.h"
#include "broker/core/schedule.h"
#include "broker/core/session.h"
#include "broker/core/settings.h"
#include "broker/core/submit.h"
#include "broker/core/timer.h"
#include "broker/core/why.h"
#include "broker/core/workers.h"

/* A gap in the clock longer than this means that the broker itself was away, not its workers. */
enum { AWAY_MS = 1000 };

typedef int handler(struct core *core, struct session *session, const struct message *message);

static handler *const handlers[MSG_COUNT] = {
    [MSG_PING] = handle_ping,
    [MSG_BYE] = handle_bye,
    [MSG_SUBMIT] = handle_submit,
    [MSG_GET_JOB] = handle_get_job,
    [MSG_LIST_JOBS] = handle_list_jobs,
    [MSG_CANCEL] = handle_cancel,
    [MSG_RETRY] = handle_retry,
    [MSG_DELETE] = handle_delete,
    [MSG_START_OPERATION] = handle_start_operation,
    [MSG_GET_OPERATION] = handle_get_operation,
    [MSG_STOP_OPERATION] = handle_stop_operation,
    [MSG_LIST_OPERATIONS] = handle_list_operations,
    [MSG_GET_CAUSES] = handle_get_causes,
    [MSG_GET_RESULT] = handle_get_result,
    [MSG_GET_PARENTS] = handle_get_parents,
    [MSG_GET_LOGS] = handle_get_logs,
    [MSG_GET_EVENTS] = handle_get_events,
    [MSG_GET_REVS] = handle_get_revs,
    [MSG_GET_JOURNAL] = handle_get_journal,
    [MSG_GET_WHY] = handle_get_why,
    [MSG_GET_QUESTION] = handle_get_question,
    [MSG_ANSWER] = handle_answer,
    [MSG_GET_ATTEMPTS] = handle_get_attempts,
    [MSG_GET_WORKERS] = handle_get_workers,
    [MSG_DRAIN_WORKER] = handle_drain_worker,
    [MSG_GET_STATS] = handle_get_stats,
    [MSG_SET_SCHEDULE] = handle_set_schedule,
    [MSG_DELETE_SCHEDULE] = handle_delete_schedule,
    [MSG_PAUSE_SCHEDULE] = handle_pause_schedule,
    [MSG_RESUME_SCHEDULE] = handle_resume_schedule,
    [MSG_RUN_SCHEDULE] = handle_run_schedule,
    [MSG_GET_SCHEDULE] = handle_get_schedule,
    [MSG_GET_SCHEDULES] = handle_get_schedules,
    [MSG_PREVIEW_SCHEDULE] = handle_preview_schedule,
    [MSG_SET_QUEUE] = handle_set_queue,
    [MSG_GET_QUEUE] = handle_get_queue,
    [MSG_GET_QUEUES] = handle_get_queues,
    [MSG_SET_BUDGET] = handle_set_budget,
    [MSG_GET_BUDGETS] = handle_get_budgets,
    [MSG_HEARTBEAT] = handle_heartbeat,
    [MSG_REPORT] = handle_report,
    [MSG_DONE] = handle_done,
};

/* Numbers that never go back, as they rest in the meta table. */
static const char *const number_names[] = {"fence", "arrival", "seq"};

void core_config_init(struct core_config *config)
{
    *config = (struct core_config){
        .heartbeat_ms = HEARTBEAT_DEFAULT_MS,
        .lost_after_ms = LOST_AFTER_DEFAULT_MS,
        .grace_ms = GRACE_DEFAULT_MS,
        .retention_ms = RETENTION_DEFAULT_MS,
        .journal_bytes = UINT64_C(256) * 1024 * 1024,
        .journal_age_ms = UINT64_C(7) * 24 * 3600 * 1000,
        .reserve_bytes = UINT64_C(64) * 1024 * 1024,
        .params_size_max = PARAMS_SIZE_MAX,
    };
}

static uint64_t *number_at(struct core *core, size_t i)
{
    return i == 0 ? &core->fence : i == 1 ? &core->arrival : &core->seq;
}

static int numbers_load(struct core *core)
{
    for (size_t i = 0; i < sizeof number_names / sizeof *number_names; i++) {
        struct slice value;
        int rc = store_get(core->store, TABLE_META, text_slice(text_of(number_names[i])), &value);
        if (rc < 0 || (rc == 0 && value.len != 8))
            return rc < 0 ? rc : -EBADMSG;
        *number_at(core, i) = rc == 0 ? get_be64(value.at) : 0;
    }
    core->numbers_dirty = false;
    return 0;
}

static int numbers_save(struct core *core)
{
    if (!core->numbers_dirty)
        return 0;
    for (size_t i = 0; i < sizeof number_names / sizeof *number_names; i++) {
        uint8_t value[8];
        if (i == 0 && TOOTH(fence_not_saved) && core->fence % 8 != 0)
            continue;
        put_be64(value, *number_at(core, i));
        int rc = store_put(core->store, TABLE_META, text_slice(text_of(number_names[i])),
                           (struct slice){value, sizeof value});
        if (rc < 0)
            return rc;
    }
    core->numbers_dirty = false;
    return 0;
}

static void set_now(struct core *core, struct core_now now)
{
    /* The caller's clock may be read before that of the call before: it stands still then. */
    if (now.mono_ms < core->mono_last)
        now.mono_ms = core->mono_last;
    if (core->mono_last && now.mono_ms - core->mono_last > AWAY_MS) {
        uint64_t expected = core_next_deadline(core);
        if (now.mono_ms > expected && now.mono_ms - expected > AWAY_MS)
            core->lease_floor = now.mono_ms + core->config.lost_after_ms;
    }
    core->mono_last = now.mono_ms;
    core->now = now;
}

static int load_memory(struct core *core)
{
    core->timer_next = TOOTH(timers_lost_at_restart) ? UINT64_MAX : 0;
    core->suspects = true; /* as far as anybody knows */
    core->errands = true;
    int rc = numbers_load(core);
    if (rc == 0)
        rc = counters_load(core);
    if (rc == 0)
        rc = queues_load(core);
    if (rc == 0)
        rc = operations_load(core);
    if (rc == 0)
        rc = journal_load(core);
    return rc < 0 ? rc : leases_load(core);
}

/* Reads run in a batch of their own, which is given up. */
static int read_store(struct core *core)
{
    int rc = store_begin(core->store);
    if (rc < 0)
        return rc;
    rc = load_memory(core);
    store_abort(core->store);
    return rc;
}

int core_new(const struct core_config *config, struct store *store, struct core_now now,
             struct core **core_out)
{
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return -ENOMEM;
    core->config = *config;
    core->store = store;
    core->now = now;
    core->mono_last = now.mono_ms;
    core->gates_open = UINT64_MAX;
    heap_init(&core->session_heap);
    heap_init(&core->lease_heap);
    int rc = read_store(core);
    if (rc < 0)
        core_destroy(&core);
    *core_out = core;
    return rc;
}

void core_destroy(struct core **core_at)
{
    struct core *core = *core_at;
    *core_at = NULL;
    if (!core)
        return;
    leases_fini(core);
    operations_fini(core);
    sessions_fini(core);
    queues_fini(core);
    counters_fini(core);
    charges_fini(core);
    turns_fini(core);
    journal_fini(core);
    heap_fini(&core->session_heap);
    heap_fini(&core->lease_heap);
    struct buf *bufs[] = {&core->job.bytes,     &core->failures,      &core->record,
                          &core->scratch,       &core->nested,        &core->value,
                          &core->parents,       &core->rendered,      &core->answer,
                          &core->limits_bytes,  &core->schedule_head, &core->schedule_spec,
                          &core->schedule_fault};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_fini(bufs[i]);
    store_rows_fini(&core->rows);
    free(core);
}

int core_rebuild(struct core *core, struct core_now now)
{
    struct session *session;
    set_now(core, now);
    leases_fini(core);
    DL_FOREACH(core->workers, session)
    {
        gather_clear(session->worker);
    }
    return read_store(core);
}

static unsigned sender_of(enum core_socket socket)
{
    return socket == CORE_WORKERS ? FROM_WORKER : FROM_CLIENT;
}

/* A peer that has said no hello is told to; it is forgotten again at once. */
static int unknown_session(struct core *core)
{
    refuse(core, WIRE_UNKNOWN_SESSION, "", "say hello first");
    int rc = reply_fault(core);
    if (rc < 0)
        return rc;
    return effects_add(core->effects, EFFECT_FORGET, core->event->peer, NULL, NULL);
}

static int in_session(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    session->heard = core->now.mono_ms;
    int rc = charge_request(core, &caller, message->envelope.charge);
    return rc != 0 ? rc : handlers[message->id](core, session, message);
}

static int take_message(struct core *core, const struct core_event *event)
{
    const struct message *message = event->message;
    if (event->auth && !event->auth->listed)
        return refuse(core, WIRE_UNAUTHORIZED, "", "the broker does not list this key (any more)");
    if (!(message_senders(message->id) & sender_of(event->socket)))
        return refuse(core, WIRE_UNKNOWN_MESSAGE, "msg", "%s is not for this endpoint",
                      message_name(message->id));
    if (message->id == MSG_HELLO)
        return handle_hello(core, message);
    struct session *session = session_of_peer(core, event->peer);
    bool known = session && (!event->auth || session_fits(session, event->auth));
    return known ? in_session(core, session, message) : unknown_session(core);
}

/* What time brings. Only a tick does this, so that the server decides what goes before it. */
static int let_time_pass(struct core *core)
{
    int rc = timers_run(core);
    if (rc == 0)
        rc = family_run(core);
    if (rc == 0)
        rc = leases_expire(core);
    return rc < 0 ? rc : sessions_expire(core);
}

/* Its dispatches go to others at once: that they never arrived is certain. */
static int not_sent(struct core *core, const struct core_event *event)
{
    struct session *session = session_of_peer(core, event->peer);
    int rc = session && event->unsent ? leases_unsent(core, session, event->unsent) : 0;
    if (session)
        session_disconnected(session, core);
    return rc;
}

static int take(struct core *core, const struct core_event *event)
{
    switch (event->kind) {
    case CORE_MESSAGE:
        return take_message(core, event);
    case CORE_BAD_MESSAGE:
        core->fault = *event->fault;
        return REFUSED;
    case CORE_SEND_FAILED:
        return not_sent(core, event);
    case CORE_SUBSCRIBED:
        return publish_standing(core, &event->topic);
    case CORE_REVOKED:
        return sessions_revoke(core, event->keys, event->key_count);
    case CORE_TICK:
        return let_time_pass(core);
    }
    return 0;
}

static void enter_call(struct core *core, struct core_now now, const struct core_event *event,
                       struct effects *effects)
{
    set_now(core, now);
    core->event = event;
    core->effects = effects;
    core->limits = (struct slice){0};
    core->fault_job = (struct uuid){{0}};
    core->changed = false;
    core->ticked = 0;
}

int core_step(struct core *core, const struct core_event *event, struct effects *effects)
{
    enter_call(core, event->now, event, effects);
    core->messages += event->kind == CORE_MESSAGE;
    core->is_full = event->no_room;
    core->has_room = !event->no_room && event->free_bytes >= core->config.reserve_bytes;
    int rc = take(core, event);
    if (rc != REFUSED)
        return rc;
    CHECK(!core->changed); /* a refusal has changed nothing */
    return reply_fault(core);
}

static int flush(struct core *core)
{
    struct session *session;
    DL_FOREACH(core->workers, session)
    {
        int rc = gather_flush(core, session);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int core_settle(struct core *core, struct core_now now, struct effects *effects)
{
    enter_call(core, now, NULL, effects);
    core->again = false;
    core->gates_open = UINT64_MAX;
    int rc = operations_run(core);
    core->messages = 0;
    if (rc == 0)
        rc = dispatch_ready(core);
    if (rc == 0)
        rc = counters_save(core);
    if (rc == 0)
        rc = meters_save(core);
    if (rc == 0)
        rc = numbers_save(core);
    if (rc == 0)
        rc = journal_settle(core);
    return rc < 0 ? rc : flush(core);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t core_next_deadline(const struct core *core)
{
    if (core->again || family_waits(core))
        return core->mono_last;
    uint64_t next = least(leases_next(core), sessions_next(core));
    next = least(next, operations_next(core));
    next = least(next, core->gates_open);
    uint64_t timer = least(timers_next(core), journal_next(core));
    if (timer == UINT64_MAX)
        return next;
    uint64_t wait = timer > core->now.wall_ms ? timer - core->now.wall_ms : 0;
    return least(next, core->mono_last + wait);
}

void core_figures(const struct core *core, struct core_figures *figures_out)
{
    figures_out->sessions = HASH_CNT(by_id, core->by_id);
    figures_out->workers = core->worker_count;
    figures_out->leases = HASH_COUNT(core->leases);
}
