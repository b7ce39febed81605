/* What may leave the broker: only what is durable, and as it is. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/names.h"
#include "tests/sim/oracle_parts.h"
#include "tests/sim/trace.h"

/* A job that stood so at this rev. What was deleted meanwhile may still be spoken of. */
static void check_standing(struct world *world, const struct uuid *id, uint64_t rev,
                           enum job_state status)
{
    const struct model_job *job = model_find(world, id);
    DEMAND(world, job, "%s: what is told of exists", trace_name(world, id));
    DEMAND(world, rev >= 1 && rev <= job->rev, "%s: nothing is told before it is durable",
           trace_name(world, id));
    DEMAND(world, job->steps[rev - 1].status == status, "%s: it is told as it was at that rev",
           trace_name(world, id));
}

static void told_job(struct world *world, const struct wire_job *job)
{
    check_standing(world, &job->id, job->rev, job->status);
    const struct model_job *model = model_find(world, &job->id);
    const struct wire_spec *spec = &model->wish->spec;
    bool whole = job->params.len > 0;
    DEMAND(world, !whole || slice_eq(job->params, spec->params), "%s: params are as submitted",
           trace_name(world, &job->id));
    DEMAND(world, text_eq(job->type, spec->type), "%s: its type is as submitted",
           trace_name(world, &job->id));
    if (job->result.len && job->rev == model->rev)
        DEMAND(world, hash_of(job->result) == model->result_hash,
               "%s: its result is the stored one", trace_name(world, &job->id));
}

static void told_encoded_job(struct world *world, struct slice bytes)
{
    struct wire_job job;
    struct fault fault;
    bool readable = shape_decode(bytes, &shape_job, KEYS_NAMES, &job, &fault) == 0;
    DEMAND(world, readable, "a job in an answer can be read");
    told_job(world, &job);
}

static void told_jobs(struct world *world, const struct msg_jobs *jobs)
{
    struct list_iter iter;
    struct slice item;
    uint64_t count = 0;
    CHECK(list_open(jobs->jobs, &iter) == 0);
    while (list_next_any(&iter, &item) == 1) {
        told_encoded_job(world, item);
        count++;
    }
    DEMAND(world, !jobs->total.set || jobs->total.value >= count,
           "a page has no more jobs than there are");
}

static void told_submitted(struct world *world, const struct msg_submitted *submitted)
{
    struct list_iter iter;
    struct wire_submit_answer answer;
    struct fault fault;
    CHECK(list_open(submitted->jobs, &iter) == 0);
    while (list_next(&iter, &shape_submit_answer, KEYS_NAMES, &answer, &fault) == 1) {
        if (answer.error.len)
            continue;
        DEMAND(world, model_find(world, &answer.id), "%s: an accepted job is durable",
               trace_name(world, &answer.id));
        if (answer.job.len)
            told_encoded_job(world, answer.job);
    }
}

static void told_event(struct world *world, const struct wire_event *event)
{
    const struct model_job *job = model_find(world, &event->job);
    DEMAND(world, job, "%s: events are of jobs", trace_name(world, &event->job));
    if (text_is(event->type, "deleted")) {
        DEMAND(world, job->deleted, "%s: what is told to be deleted is",
               trace_name(world, &event->job));
        return;
    }
    check_standing(world, &event->job, event->rev, event->status);
    DEMAND(world, text_is(event->type, job->steps[event->rev - 1].type),
           "%s: an event is told as it is stored", trace_name(world, &event->job));
}

static void told_events(struct world *world, const struct msg_events *events)
{
    struct list_iter iter;
    struct wire_event event;
    struct fault fault;
    uint64_t last = 0;
    CHECK(list_open(events->events, &iter) == 0);
    while (list_next(&iter, &shape_event, KEYS_NAMES, &event, &fault) == 1) {
        told_event(world, &event);
        DEMAND(world, last == 0 || event.rev == last + 1, "%s: a history has no gaps",
               trace_name(world, &event.job));
        last = event.rev;
    }
}

static void told_standings(struct world *world, struct slice list)
{
    struct list_iter iter;
    struct wire_standing standing;
    struct fault fault;
    CHECK(list_open(list, &iter) == 0);
    while (list_next(&iter, &shape_standing, KEYS_NAMES, &standing, &fault) == 1)
        if (standing.rev)
            check_standing(world, &standing.job, standing.rev, standing.status);
}

/* Each line of a handler differs from all others: none may stand there twice. */
static void told_logs(struct world *world, const struct msg_logs *logs)
{
    struct list_iter iter;
    struct wire_log log;
    struct fault fault;
    uint64_t hashes[LIST_LIMIT_DEFAULT] = {0};
    size_t count = 0;
    CHECK(list_open(logs->logs, &iter) == 0);
    while (list_next(&iter, &shape_log, KEYS_NAMES, &log, &fault) == 1 &&
           count < LIST_LIMIT_DEFAULT) {
        uint64_t hash = hash_of(text_slice(log.message));
        for (size_t i = 0; i < count; i++)
            DEMAND(world, hashes[i] != hash, "a line is logged once");
        hashes[count++] = hash;
    }
}

static void told_result(struct world *world, const struct msg_result *result)
{
    const struct model_job *job = model_find(world, &result->id);
    DEMAND(world, job, "%s: a result is of a job", trace_name(world, &result->id));
    if (result->status == JOB_COMPLETED && job->status == JOB_COMPLETED && !job->deleted)
        DEMAND(world, hash_of(result->result) == job->result_hash,
               "%s: its result is the stored one", trace_name(world, &result->id));
}

static void told_client(struct world *world, const struct message *message)
{
    const struct model_job *job;
    switch (message->id) {
    case MSG_SUBMITTED:
        told_submitted(world, &message->submitted);
        break;
    case MSG_JOB_IS:
        told_encoded_job(world, message->job_is.job);
        break;
    case MSG_JOBS:
        told_jobs(world, &message->jobs);
        break;
    case MSG_DELETED:
        job = model_find(world, &message->deleted.id);
        DEMAND(world, job && job->deleted, "%s: what is told to be deleted is",
               trace_name(world, &message->deleted.id));
        break;
    case MSG_EVENTS:
        told_events(world, &message->events);
        break;
    case MSG_REVS:
        told_standings(world, message->revs.jobs);
        break;
    case MSG_LOGS:
        told_logs(world, &message->logs);
        break;
    case MSG_RESULT:
        told_result(world, &message->result);
        break;
    default:
        break;
    }
}

/* --- to workers ------------------------------------------------------------------------------- */

static void told_verdict(struct world *world, uint32_t peer, const struct wire_settled_item *item)
{
    const struct model_session *session = session_at(world, peer);
    const struct model_job *job = model_find(world, &item->job);
    const struct run *run = job ? run_find(job, item->fence) : NULL;
    bool own = run && session && uuid_eq(&run->session, &session->id);
    if (text_is(item->verdict, "accepted")) {
        DEMAND(world, run && run->end == RUN_ACCEPTED, "%s: what is called accepted was",
               trace_name(world, &item->job));
        return;
    }
    DEMAND(world, !own || run->end != RUN_LIVE, "%s: a live dispatch is not stale",
           trace_name(world, &item->job));
    bool final = own && !job->deleted && job->status == JOB_COMPLETED && run == run_last(job);
    DEMAND(world, !final, "%s: an accepted result is accepted again",
           trace_name(world, &item->job));
}

static void told_settled(struct world *world, uint32_t peer, struct slice items)
{
    struct list_iter iter;
    struct wire_settled_item item;
    struct fault fault;
    CHECK(list_open(items, &iter) == 0);
    while (list_next(&iter, &shape_settled_item, KEYS_NAMES, &item, &fault) == 1)
        told_verdict(world, peer, &item);
}

static void told_stale(struct world *world, uint32_t peer, struct slice list)
{
    struct list_iter iter;
    struct wire_hold hold;
    struct fault fault;
    const struct model_session *session = session_at(world, peer);
    CHECK(list_open(list, &iter) == 0);
    while (session && list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault) == 1) {
        const struct model_job *job = model_find(world, &hold.job);
        const struct run *run = job ? run_find(job, hold.fence) : NULL;
        bool live = run && run->end == RUN_LIVE && uuid_eq(&run->session, &session->id);
        DEMAND(world, !live, "%s: a live dispatch is not stale", trace_name(world, &hold.job));
    }
}

static void told_dispatch(struct world *world, struct slice jobs)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    CHECK(list_open(jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1)
        DEMAND(world, oracle_is_alive(world, &item.job, item.fence),
               "%s: a dispatch is durable before it leaves", trace_name(world, &item.job));
}

static void told_stop(struct world *world, struct slice items)
{
    struct list_iter iter;
    struct wire_stop_item item;
    struct fault fault;
    CHECK(list_open(items, &iter) == 0);
    while (list_next(&iter, &shape_stop_item, KEYS_NAMES, &item, &fault) == 1) {
        const struct model_job *job = model_find(world, &item.job);
        const struct run *run = job ? run_find(job, item.fence) : NULL;
        bool goes_on = run && run->end == RUN_LIVE && job->status == JOB_RUNNING;
        DEMAND(world, run && !goes_on, "%s: only what is cancelled or over is stopped",
               trace_name(world, &item.job));
    }
}

static void told_worker(struct world *world, uint32_t peer, const struct message *message)
{
    if (message->id == MSG_SETTLED)
        told_settled(world, peer, message->settled.items);
    else if (message->id == MSG_DISPATCH)
        told_dispatch(world, message->dispatch.jobs);
    else if (message->id == MSG_STOP)
        told_stop(world, message->stop.items);
    else if (message->id == MSG_BEAT)
        told_stale(world, peer, message->beat.stale);
    else if (message->id == MSG_WELCOME)
        told_stale(world, peer, message->welcome.stale);
}

static void told_everybody(struct world *world, const struct message *message)
{
    struct wire_event event;
    struct fault fault;
    if (message->id != MSG_EVENT_IS)
        return;
    bool readable =
        shape_decode(message->event_is.event, &shape_event, KEYS_NAMES, &event, &fault) == 0;
    DEMAND(world, readable, "a published event can be read");
    told_event(world, &event);
}

void oracle_told(struct world *world, const struct effect *effect, struct slice frame)
{
    struct message message;
    struct fault fault;
    DEMAND(world, message_decode(frame, &message, &fault) == 0,
           "what the broker sends can be read (%s: %s)", fault.field, fault.problem);
    if (effect->kind == EFFECT_SEND_CLIENT)
        told_client(world, &message);
    else if (effect->kind == EFFECT_SEND_WORKER)
        told_worker(world, effect->peer, &message);
    else
        told_everybody(world, &message);
}

void oracle_unsent(struct world *world, struct slice frame)
{
    struct message message;
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    if (message_decode(frame, &message, &fault) != 0 || message.id != MSG_DISPATCH)
        return;
    CHECK(list_open(message.dispatch.jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1) {
        struct model_job *job = model_find(world, &item.job);
        struct run *run = job ? run_find(job, item.fence) : NULL;
        if (run)
            run->unsent = true;
    }
}

/* --- to those who submitted --------------------------------------------------------------------
 */

void oracle_refused(struct world *world, const struct deed *deed, const struct msg_error *error)
{
    struct model_key *key;
    char name[sizeof key->name];
    if (wire_error_of(error->code) != WIRE_IDEMPOTENCY_MISMATCH)
        return;
    snprintf(name, sizeof name, "%.*s/%s", (int)deed->owner.len, deed->owner.at, deed->key);
    HASH_FIND_STR(world->oracle->keys, name, key);
    DEMAND(world, !key || key->deed != deed, "a key is not refused to its own request (%s)", name);
}

void oracle_answered(struct world *world, const struct deed *deed, struct slice answers)
{
    struct list_iter iter;
    struct wire_submit_answer answer;
    struct fault fault;
    DEMAND(world, list_open(answers, &iter) == 0 && iter.count == deed->count,
           "every job of a submit is answered");
    for (size_t i = 0; i < deed->count; i++) {
        CHECK(list_next(&iter, &shape_submit_answer, KEYS_NAMES, &answer, &fault) == 1);
        if (answer.error.len)
            continue;
        const struct model_job *job = model_find(world, &answer.id);
        DEMAND(world, job && job->wish == &deed->wishes[i],
               "%s: a submit is answered with its own jobs, in their order",
               trace_name(world, &answer.id));
    }
}
