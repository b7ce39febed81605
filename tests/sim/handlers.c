/* Handlers that pretend: what they say and how they end is drawn. */
#include <stdlib.h>

#include "base/check.h"
#include "tests/sim/oracle.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker_parts.h"

/* How long handlers work, in heartbeats. */
enum { WORK_BEATS = 6, LONG_BEATS = 200, POISON_EVERY = 7 };

static void choose_end(struct worker *worker, struct handler *handler)
{
    struct world *world = worker->world;
    struct stream *stream = &worker->stream;
    handler->outcome = "completed";
    if (!has_feature(world, FEATURE_failures) || world->healing || chance(stream, 60))
        return;
    static const char *const outcomes[] = {"failed", "failed", "failed", "again"};
    handler->outcome = outcomes[draw(stream, 4)];
    handler->retryable = chance(stream, 75);
}

static uint64_t work_ms(struct worker *worker)
{
    struct world *world = worker->world;
    struct stream *stream = &worker->stream;
    if (world->healing)
        return 1 + draw(stream, 200);
    bool goes_long = has_feature(world, FEATURE_long_jobs) && chance(stream, 10);
    return draw_wait(stream, world->heartbeat_ms * (goes_long ? LONG_BEATS : WORK_BEATS));
}

static uint64_t next_word(struct worker *worker)
{
    struct world *world = worker->world;
    bool says = has_feature(world, FEATURE_progress) || has_feature(world, FEATURE_logs) ||
                has_feature(world, FEATURE_checkpoint);
    return says ? world->now + draw_wait(&worker->stream, world->heartbeat_ms * 2) : UINT64_MAX;
}

static void remember(struct worker *worker, const struct wsession_hold *hold)
{
    worker->past[worker->past_count++ % PAST_MAX] = *hold;
}

void handler_run(struct worker *worker, const struct wsession_hold *hold, struct slice dispatch)
{
    struct world *world = worker->world;
    struct wire_dispatch_item item;
    struct fault fault;
    CHECK(shape_decode(dispatch, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 0);
    for (size_t i = 0; i < worker->handler_count; i++)
        DEMAND(world, !uuid_eq(&worker->handlers[i].hold.job, &hold->job),
               "no worker runs two handlers of one job");
    DEMAND(world, worker->handler_count < worker->slots, "a worker never runs more than its slots");
    struct handler *handler = &worker->handlers[worker->handler_count++];
    *handler = (struct handler){.hold = *hold, .attempt = item.attempt, .since = world->now};
    uint64_t zero;
    DEMAND(world, read_marked(item.params, &handler->serial, &zero), "params arrive whole");
    handler->ends_at = world->now + work_ms(worker);
    handler->says_at = next_word(worker);
    handler->stubborn = has_feature(world, FEATURE_stubborn) && chance(&worker->stream, 30);
    choose_end(worker, handler);
    remember(worker, hold);
}

void handler_stop(struct worker *worker, const struct wsession_effect *effect)
{
    for (size_t i = 0; i < worker->handler_count; i++) {
        struct handler *handler = &worker->handlers[i];
        if (handler->hold.fence != effect->hold.fence)
            continue;
        uint64_t by = worker->world->now + draw(&worker->stream, effect->grace_ms + 1);
        bool obeys = !handler->stubborn || worker->world->healing;
        if (obeys && handler->ends_at > by)
            handler->ends_at = by;
        handler->told = true;
        if (obeys && chance(&worker->stream, 80))
            handler->outcome = "failed";
    }
}

/* --- what they say ---------------------------------------------------------------------------- */

static void report(struct worker *worker, struct handler *handler, struct wire_report_item *item)
{
    sim_worker_feed(worker, &(struct wsession_event){
                                .kind = WSESSION_REPORT, .hold = handler->hold, .report = item});
}

static void say_progress(struct worker *worker, struct handler *handler)
{
    struct wire_report_item item = {0};
    buf_clear(&worker->value);
    if (chance(&worker->stream, 50)) {
        struct wire_stage stage = {.name = type_name(draw(&worker->stream, TYPES)),
                                   .status = TEXT("running")};
        CHECK(shape_encode(&worker->value, &shape_stage, &stage, KEYS_NAMES) == 0);
        item.stage = buf_slice(&worker->value);
    } else {
        struct wire_progress progress = {.fraction = f64_of(0.5)};
        CHECK(shape_encode(&worker->value, &shape_progress, &progress, KEYS_NAMES) == 0);
        item.progress = buf_slice(&worker->value);
    }
    report(worker, handler, &item);
}

/* A line that no other is equal to: what is stored twice shows. */
static void say_log(struct worker *worker, struct handler *handler)
{
    struct wire_report_item item = {0};
    char text[48];
    int len = snprintf(text, sizeof text, "%llu of %llu", (unsigned long long)handler->said,
                       (unsigned long long)handler->hold.fence);
    struct wire_log log = {.level = TEXT("info"), .message = {text, (size_t)len}};
    buf_clear(&worker->value);
    CHECK(shape_encode(&worker->value, &shape_log, &log, KEYS_NAMES) == 0);
    item.log = buf_slice(&worker->value);
    report(worker, handler, &item);
}

static void say_checkpoint(struct worker *worker, struct handler *handler)
{
    struct wire_report_item item = {0};
    buf_clear(&worker->value);
    CHECK(pack_marked(&worker->value, handler->serial, handler->hold.fence, handler->said) == 0);
    item.checkpoint = buf_slice(&worker->value);
    report(worker, handler, &item);
}

static void say(struct worker *worker, struct handler *handler)
{
    struct world *world = worker->world;
    handler->says_at = next_word(worker);
    handler->said++;
    if (has_feature(world, FEATURE_logs) && chance(&worker->stream, 50))
        say_log(worker, handler);
    else if (has_feature(world, FEATURE_checkpoint) && chance(&worker->stream, 40))
        say_checkpoint(worker, handler);
    else if (has_feature(world, FEATURE_progress))
        say_progress(worker, handler);
}

/* --- how they end ----------------------------------------------------------------------------- */

static void finish(struct worker *worker, size_t index)
{
    struct handler handler = worker->handlers[index];
    struct wire_done_item done = {.outcome = text_of(handler.outcome)};
    worker->handlers[index] = worker->handlers[--worker->handler_count];
    buf_clear(&worker->value);
    if (text_is(done.outcome, "completed")) {
        CHECK(pack_marked(&worker->value, handler.serial, handler.hold.fence, 0) == 0);
        done.result = buf_slice(&worker->value);
    } else if (text_is(done.outcome, "failed")) {
        struct wire_failure failure = {
            .type = TEXT("SimError"), .message = TEXT("as drawn"), .retryable = handler.retryable};
        CHECK(shape_encode(&worker->value, &shape_failure, &failure, KEYS_NAMES) == 0);
        done.error = buf_slice(&worker->value);
    } else if (chance(&worker->stream, 50)) {
        done.retry_after_ms = opt_of(draw(&worker->stream, worker->world->heartbeat_ms * 10));
    }
    sim_worker_feed(worker, &(struct wsession_event){
                                .kind = WSESSION_FINISHED, .hold = handler.hold, .done = &done});
}

static bool is_poison(const struct worker *worker, const struct handler *handler)
{
    return has_feature(worker->world, FEATURE_poison) && !worker->world->healing &&
           handler->serial % POISON_EVERY == 0;
}

void handlers_go_on(struct worker *worker)
{
    struct world *world = worker->world;
    for (size_t i = 0; i < worker->handler_count && worker->session; i++)
        if (worker->handlers[i].says_at <= world->now)
            say(worker, &worker->handlers[i]);
    for (size_t i = 0; i < worker->handler_count && worker->session;) {
        if (worker->handlers[i].ends_at > world->now) {
            i++;
        } else if (is_poison(worker, &worker->handlers[i])) {
            trace_note(world, "%s dies of a job", worker->line.name);
            sim_worker_kill(worker, draw_wait(&worker->stream, world->heartbeat_ms));
        } else {
            finish(worker, i);
            i = 0; /* others may have begun */
        }
    }
}

void handlers_hurry(struct worker *worker)
{
    for (size_t i = 0; i < worker->handler_count; i++) {
        struct handler *handler = &worker->handlers[i];
        uint64_t soon = worker->world->now + 1 + draw(&worker->stream, 1000);
        handler->ends_at = handler->ends_at < soon ? handler->ends_at : soon;
        handler->outcome = "completed";
    }
}

uint64_t handlers_next(const struct worker *worker)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < worker->handler_count; i++) {
        const struct handler *handler = &worker->handlers[i];
        uint64_t at = handler->says_at < handler->ends_at ? handler->says_at : handler->ends_at;
        next = at < next ? at : next;
    }
    return next;
}

uint64_t handler_since(const struct worker *worker, const struct uuid *job, uint64_t fence)
{
    for (size_t i = 0; i < worker->handler_count; i++) {
        const struct handler *handler = &worker->handlers[i];
        if (handler->hold.fence == fence && uuid_eq(&handler->hold.job, job))
            return handler->since;
    }
    return UINT64_MAX;
}
