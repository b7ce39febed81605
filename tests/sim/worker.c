/* The worker's loop around its session, and its life. Handlers are in handlers.c. */
#include "tests/sim/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/names.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker_parts.h"

static uint64_t mono_ms(const struct worker *worker)
{
    return worker->world->now + 1000;
}

static void receive(void *owner, struct slice frame);
static void wake(void *arg);

/* --- the process ------------------------------------------------------------------------------ */

static void choose_work(struct worker *worker, bool takes_all)
{
    struct stream *stream = &worker->stream;
    bool some = has_feature(worker->world, FEATURE_own_work) && !takes_all;
    for (size_t i = 0; i < QUEUES; i++)
        if (!some || worker->queue_count == 0 || chance(stream, 60))
            worker->queues[worker->queue_count++] = queue_name(i);
    for (size_t i = 0; some && chance(stream, 50) && i < TYPES; i++)
        if (chance(stream, 60))
            worker->types[worker->type_count++] = type_name(i);
    worker->slots = takes_all ? HANDLERS_MAX / 2 : 1 + (uint32_t)draw(stream, 4);
}

static void start(struct worker *worker)
{
    struct world *world = worker->world;
    struct stream *stream = &worker->stream;
    if (uuid_is_null(&worker->id) || chance(stream, 50))
        worker->id = uuid_v7(wall_ms(world), draw(stream, 4096), draw(stream, UINT64_MAX));
    worker->epoch++;
    struct wsession_config config = {.id = worker->id,
                                     .epoch = worker->epoch,
                                     .program = TEXT("sim"),
                                     .name = text_of(worker->line.name),
                                     .host = TEXT("here"),
                                     .pid = worker->epoch,
                                     .queues = worker->queues,
                                     .queue_count = worker->queue_count,
                                     .types = worker->types,
                                     .type_count = worker->type_count,
                                     .slots = worker->slots,
                                     .grace_ms = world->grace_ms};
    CHECK(wsession_new(&config, &worker->session) == 0);
    trace_note(world, "%s starts", worker->line.name);
    worker->born_at = worker->trouble_at = world->now;
    worker->ending = false;
    net_open(&worker->line);
    world_at(world, &worker->wake, world->now);
}

struct worker *sim_worker_new(struct world *world, size_t index, bool takes_all)
{
    struct worker *worker = calloc(1, sizeof *worker);
    CHECK(worker);
    worker->world = world;
    worker->stream = stream_of(world->seed, 0x3000 + index);
    worker->line =
        (struct line){.world = world, .socket = CORE_WORKERS, .receive = receive, .owner = worker};
    snprintf(worker->line.name, sizeof worker->line.name, "w%u", (unsigned)index % 100 + 1);
    worker->wake = (struct occurrence){.happen = wake, .arg = worker};
    choose_work(worker, takes_all);
    start(worker);
    return worker;
}

/* Everything of the process goes; the line too. */
static void end_process(struct worker *worker)
{
    for (size_t i = 0; i < worker->waiting_count; i++)
        buf_fini(&worker->waiting[i]);
    worker->waiting_count = worker->handler_count = 0;
    worker->still_until = 0;
    wsession_destroy(&worker->session);
    wsession_effects_clear(&worker->effects);
    net_close(&worker->line);
}

void sim_worker_destroy(struct worker **worker_at)
{
    struct worker *worker = *worker_at;
    *worker_at = NULL;
    if (!worker)
        return;
    world_never(worker->world, &worker->wake);
    if (worker->session)
        end_process(worker);
    wsession_effects_fini(&worker->effects);
    buf_fini(&worker->scratch);
    buf_fini(&worker->value);
    free(worker);
}

void sim_worker_kill(struct worker *worker, uint64_t down_ms)
{
    if (!worker->session)
        return;
    trace_note(worker->world, "%s is killed", worker->line.name);
    end_process(worker);
    world_at(worker->world, &worker->wake, worker->world->now + down_ms);
}

void sim_worker_stop(struct worker *worker, uint64_t ms)
{
    if (!worker->session)
        return;
    trace_note(worker->world, "%s stands still for %llu ms", worker->line.name,
               (unsigned long long)ms);
    worker->still_until = worker->world->now + ms;
    world_at(worker->world, &worker->wake, worker->still_until);
}

/* --- its session ------------------------------------------------------------------------------ */

static void carry_out(struct worker *worker)
{
    struct wsession_effects *effects = &worker->effects;
    for (size_t i = 0; i < effects->count && worker->session; i++) {
        struct wsession_effect effect = effects->at[i];
        struct slice bytes = wsession_effect_bytes(effects, &effect);
        switch (effect.kind) {
        case WSESSION_SEND:
            net_say(&worker->line, bytes);
            break;
        case WSESSION_RECONNECT:
            net_open(&worker->line);
            break;
        case WSESSION_RUN:
            handler_run(worker, &effect.hold, bytes);
            break;
        case WSESSION_STOP:
            handler_stop(worker, &effect);
            break;
        case WSESSION_ENDED:
            worker->ending = true;
            break;
        case WSESSION_WELCOMED:
        case WSESSION_NOTE:
        case WSESSION_REFUSED:
            break;
        }
    }
    wsession_effects_clear(effects);
}

void sim_worker_feed(struct worker *worker, struct wsession_event *event)
{
    if (!worker->session)
        return;
    event->now = (struct wsession_now){.mono_ms = mono_ms(worker),
                                       .wall_ms = wall_ms(worker->world),
                                       .random = draw(&worker->stream, UINT64_MAX)};
    CHECK(wsession_step(worker->session, event, &worker->effects) == 0);
    CHECK(wsession_flush(worker->session, event->now, &worker->effects) == 0);
    carry_out(worker);
}

static void set_wake(struct worker *worker)
{
    struct world *world = worker->world;
    if (!worker->session)
        return; /* it will be started */
    if (worker->ending) {
        DEMAND(world, worker->handler_count == 0, "a worker ends after its handlers");
        end_process(worker);
        world_at(world, &worker->wake, world->now + worker->down_ms);
        return;
    }
    uint64_t next = wsession_next_deadline(worker->session);
    uint64_t at = next == UINT64_MAX ? next : next > 1000 ? next - 1000 : 0;
    uint64_t handlers = handlers_next(worker);
    at = handlers < at ? handlers : at;
    at = at < worker->still_until ? worker->still_until : at;
    if (at == UINT64_MAX)
        world_never(world, &worker->wake);
    else
        world_at(world, &worker->wake, at);
}

static void hear(struct worker *worker, struct slice frame)
{
    struct message message;
    struct fault fault;
    DEMAND(worker->world, message_decode(frame, &message, &fault) == 0,
           "what the broker sends can be read (%s: %s)", fault.field, fault.problem);
    sim_worker_feed(worker,
                    &(struct wsession_event){.kind = WSESSION_MESSAGE, .message = &message});
}

static void receive(void *owner, struct slice frame)
{
    struct worker *worker = owner;
    if (worker->world->now < worker->still_until) {
        if (worker->waiting_count < WAITING_MAX) {
            struct buf *kept = &worker->waiting[worker->waiting_count++];
            *kept = (struct buf){0};
            CHECK(buf_append(kept, frame.at, frame.len) == 0);
        }
        return;
    }
    hear(worker, frame);
    set_wake(worker);
}

/* It goes on after standing still: what came in meanwhile first. */
static void go_on(struct worker *worker)
{
    worker->still_until = 0;
    worker->trouble_at = worker->world->now;
    for (size_t i = 0; i < worker->waiting_count && worker->session; i++)
        hear(worker, buf_slice(&worker->waiting[i]));
    for (size_t i = 0; i < worker->waiting_count; i++)
        buf_fini(&worker->waiting[i]);
    worker->waiting_count = 0;
}

static void wake(void *arg)
{
    struct worker *worker = arg;
    if (!worker->session) {
        start(worker);
        return;
    }
    if (worker->still_until)
        go_on(worker);
    handlers_go_on(worker);
    sim_worker_feed(worker, &(struct wsession_event){.kind = WSESSION_TICK});
    set_wake(worker);
}

/* --- what befalls it -------------------------------------------------------------------------- */

void sim_worker_break_line(struct worker *worker)
{
    if (!worker->session)
        return;
    trace_note(worker->world, "the line of %s breaks", worker->line.name);
    net_break(&worker->line);
    if (!worker->still_until && chance(&worker->stream, 30)) { /* and it notices */
        sim_worker_feed(worker, &(struct wsession_event){.kind = WSESSION_SEND_FAILED});
        set_wake(worker);
    }
}

void sim_worker_cut_line(struct worker *worker, uint64_t ms)
{
    trace_note(worker->world, "the line of %s is cut", worker->line.name);
    worker->line.cut_until = worker->world->now + ms;
}

void sim_worker_leave(struct worker *worker, bool release, uint64_t down_ms)
{
    if (!worker->session || worker->still_until)
        return;
    trace_note(worker->world, release ? "%s gives all back" : "%s drains", worker->line.name);
    worker->down_ms = down_ms;
    sim_worker_feed(worker,
                    &(struct wsession_event){.kind = release ? WSESSION_RELEASE : WSESSION_DRAIN});
    set_wake(worker);
}

void sim_worker_sleep(struct worker *worker, uint64_t ms)
{
    uint64_t how = draw(&worker->stream, 3);
    if (!worker->session)
        world_at(worker->world, &worker->wake, worker->world->now + ms);
    else if (how == 0 || worker->still_until)
        sim_worker_kill(worker, ms);
    else
        sim_worker_leave(worker, how == 1, ms);
}

void sim_worker_heal(struct worker *worker)
{
    world_at(worker->world, &worker->wake, worker->world->now);
    worker->still_until = worker->still_until ? worker->world->now : 0;
    worker->down_ms = 0;
    worker->line.cut_until = 0;
    handlers_hurry(worker);
}

/* --- questions -------------------------------------------------------------------------------- */

bool sim_worker_is_idle(const struct worker *worker)
{
    return worker->session && wsession_figures(worker->session).holds == 0;
}

bool sim_worker_was_busy(const struct world *world, const struct uuid *session,
                         const struct uuid *job, uint64_t fence, uint64_t since)
{
    for (size_t i = 0; i < world->worker_count; i++) {
        const struct worker *worker = world->workers[i];
        if (!worker->session || !uuid_eq(&worker->id, session))
            continue;
        bool fine = worker->trouble_at < since && worker->line.trouble_at < since &&
                    worker->still_until == 0 && worker->line.cut_until < since;
        return fine && handler_since(worker, job, fence) < since;
    }
    return false;
}
