/* Batches, their failures, and restarts. Must never send what is not durable. */
#include "tests/sim/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/tooth.h"
#include "broker/peers.h"
#include "broker/ticks.h"
#include "tests/lib/hand_zones.h"
#include "tests/sim/net.h"
#include "tests/sim/oracle.h"
#include "tests/sim/trace.h"

enum { BATCH_MAX = 128, NO_ROOM_MS = 1000, PEER_NONE = 0 };

/* A frame that waits to be taken. */
struct letter {
    enum core_socket socket;
    uint32_t route;
    struct buf frame;
};

/* An event of the batch, before it is decoded. */
struct item {
    struct input input;
    bool framed;
    uint64_t unsent;
    struct buf frame;
    struct message message;
};

struct broker {
    struct world *world;
    struct stream stream;
    struct store *store;
    struct core *core; /* NULL: the process is down */
    struct peers *peers;
    struct ticks ticks;
    struct effects effects;
    struct occurrence wake;
    uint64_t up_at, born_at, trouble_at;
    uint64_t still_until; /* stopped until then */
    int64_t mono_offset;  /* of its monotonic clock, another one after each boot */
    int64_t waited_ms;
    struct letter *letters;
    size_t letter_count, letter_cap;
    struct item items[BATCH_MAX];
    size_t count, done, end;
    bool more, tick;
    struct core_now now;
    uint64_t no_room_until, free_bytes;
    uint64_t batches;
};

static void wake(void *arg);

static uint64_t mono_ms(const struct broker *broker)
{
    return (uint64_t)((int64_t)broker->world->now + broker->mono_offset);
}

static void read_clocks(struct broker *broker)
{
    broker->now.mono_ms = mono_ms(broker);
    broker->now.wall_ms = wall_ms(broker->world);
}

static struct core_now fresh(struct broker *broker)
{
    broker->now.random = draw(&broker->stream, UINT64_MAX);
    return broker->now;
}

/* --- life ------------------------------------------------------------------------------------- */

static void set_wake(struct broker *broker)
{
    struct world *world = broker->world;
    uint64_t mono = mono_ms(broker);
    uint64_t deadline = core_next_deadline(broker->core);
    int64_t wait = ticks_wait_ms(&broker->ticks, deadline, mono);
    /* The server looks at the clock of day every second. Here it is known when that is set: so
     * many ticks for nothing are left out. */
    if (wait == TICK_LATE_MAX_MS && deadline > mono)
        wait = (int64_t)(deadline - mono);
    if (broker->letter_count > 0 || peers_any_failed(broker->peers))
        wait = 0;
    broker->waited_ms = wait;
    if (wait < 0) {
        world_never(world, &broker->wake);
        return;
    }
    uint64_t at = world->now + (uint64_t)wait;
    if (wait == 0)
        at += draw(&broker->stream, 3);
    world_at(world, &broker->wake, at > broker->still_until ? at : broker->still_until);
}

static void forget_letters(struct broker *broker)
{
    for (size_t i = 0; i < broker->letter_count; i++)
        buf_fini(&broker->letters[i].frame);
    broker->letter_count = 0;
}

/* The process is gone with all it had in memory. */
static void die(struct broker *broker, uint64_t down_ms)
{
    struct world *world = broker->world;
    trace_note(world, "the broker is gone, for %llu ms", (unsigned long long)down_ms);
    core_destroy(&broker->core);
    peers_destroy(&broker->peers);
    effects_clear(&broker->effects);
    forget_letters(broker);
    broker->count = broker->done = 0;
    broker->up_at = world->now + down_ms;
    broker->still_until = 0;
    world_at(world, &broker->wake, broker->up_at);
}

/* A failure is planned now and then, also for the restart itself. */
static void plan_failure(struct broker *broker, bool starting)
{
    static const struct {
        enum fault_kind fault;
        enum port_plan plan;
        uint64_t permille;
    } plans[] = {{FAULT_store_crash, PORT_DIES_AT, 8},
                 {FAULT_commit_fails, PORT_COMMIT_FAILS, 4},
                 {FAULT_commit_lies, PORT_COMMIT_LIES, 6},
                 {FAULT_no_room, PORT_NO_ROOM, 10}};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        if (!has_fault(broker->world, plans[i].fault) ||
            draw(&broker->stream, 1000) >= plans[i].permille * (starting ? 10 : 1))
            continue;
        port_plan(broker->store, plans[i].plan, 1 + draw(&broker->stream, starting ? 12 : 40));
        return;
    }
    port_plan(broker->store, PORT_GOOD, 0);
}

static void start(struct broker *broker)
{
    struct world *world = broker->world;
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("sim");
    config.heartbeat_ms = world->heartbeat_ms;
    config.lost_after_ms = world->lost_after_ms;
    config.grace_ms = world->grace_ms;
    config.zones = hand_zones();
    port_restart(broker->store);
    oracle_restarted(world);
    if (chance(&broker->stream, 30)) /* the machine too */
        broker->mono_offset = (int64_t)(1000 + draw(&broker->stream, 100000)) - (int64_t)world->now;
    read_clocks(broker);
    plan_failure(broker, true);
    int rc = core_new(&config, broker->store, fresh(broker), &broker->core);
    if (rc < 0) {
        DEMAND(world, port_has_struck(broker->store), "the broker starts (%s)", strerror(-rc));
        world_at(world, &broker->wake, broker->up_at = world->now + 100);
        return;
    }
    trace_note(world, "the broker is up");
    CHECK(peers_new(&broker->peers) == 0);
    broker->ticks = (struct ticks){.last_ms = broker->now.mono_ms, .seen_ms = broker->now.mono_ms};
    broker->born_at = broker->trouble_at = world->now;
    broker->no_room_until = 0;
    net_break_all(world);
    set_wake(broker);
}

struct broker *sim_broker_new(struct world *world, enum port_kind kind)
{
    struct broker *broker = calloc(1, sizeof *broker);
    CHECK(broker);
    broker->world = world;
    broker->stream = stream_of(world->seed, 'b');
    broker->store = port_new(kind);
    broker->wake = (struct occurrence){.happen = wake, .arg = broker};
    world->broker = broker;
    start(broker);
    return broker;
}

void sim_broker_destroy(struct broker **broker_at)
{
    struct broker *broker = *broker_at;
    world_never(broker->world, &broker->wake);
    core_destroy(&broker->core);
    peers_destroy(&broker->peers);
    store_close(&broker->store);
    effects_fini(&broker->effects);
    forget_letters(broker);
    free(broker->letters);
    for (size_t i = 0; i < BATCH_MAX; i++)
        buf_fini(&broker->items[i].frame);
    free(broker);
    *broker_at = NULL;
}

void sim_broker_kill(struct world *world, uint64_t down_ms)
{
    if (world->broker->core)
        die(world->broker, down_ms);
}

void sim_broker_stop(struct world *world, uint64_t ms)
{
    struct broker *broker = world->broker;
    if (!broker->core)
        return;
    trace_note(world, "the broker stands still for %llu ms", (unsigned long long)ms);
    broker->still_until = world->now + ms;
    broker->trouble_at = broker->still_until;
    world_at(world, &broker->wake, broker->still_until);
}

void sim_broker_heal(struct world *world)
{
    struct broker *broker = world->broker;
    broker->still_until = 0;
    broker->up_at = broker->core ? broker->up_at : world->now;
    world_at(world, &broker->wake, world->now);
}

void sim_broker_clock_stepped(struct world *world)
{
    struct broker *broker = world->broker;
    uint64_t at = world->now + draw(&broker->stream, TICK_LATE_MAX_MS);
    if (broker->core)
        world_at(world, &broker->wake, at > broker->still_until ? at : broker->still_until);
}

bool sim_broker_is_up(const struct world *world)
{
    return world->broker->core != NULL;
}

uint64_t sim_broker_up_at(const struct world *world)
{
    return world->broker->up_at;
}

uint64_t sim_broker_born_at(const struct world *world)
{
    return world->broker->born_at;
}

uint64_t sim_broker_trouble_at(const struct world *world)
{
    return world->broker->trouble_at;
}

struct store *sim_broker_store(const struct world *world)
{
    return world->broker->store;
}

/* --- collect ---------------------------------------------------------------------------------- */

void sim_broker_receive(struct world *world, enum core_socket socket, uint32_t route,
                        struct slice frame)
{
    struct broker *broker = world->broker;
    if (broker->letter_count == broker->letter_cap) {
        broker->letter_cap = broker->letter_cap ? 2 * broker->letter_cap : 64;
        broker->letters = realloc(broker->letters, broker->letter_cap * sizeof *broker->letters);
        CHECK(broker->letters);
    }
    struct letter *letter = &broker->letters[broker->letter_count++];
    *letter = (struct letter){.socket = socket, .route = route};
    CHECK(buf_append(&letter->frame, frame.at, frame.len) == 0);
    if (broker->letter_count == 1 && world->now >= broker->still_until)
        world_at(world, &broker->wake, world->now + draw(&broker->stream, 3));
}

static struct item *next_item(struct broker *broker, enum core_event_kind kind,
                              enum core_socket socket, uint32_t peer)
{
    struct item *item = &broker->items[broker->count++];
    item->input = (struct input){kind, socket, peer, NULL};
    item->framed = false;
    item->unsent = 0;
    return item;
}

static void collect_failed(struct broker *broker)
{
    enum core_socket socket;
    uint32_t peer;
    uint64_t unsent;
    while (broker->count < BATCH_MAX / 4 &&
           peers_take_failed(broker->peers, &socket, &peer, &unsent))
        next_item(broker, CORE_SEND_FAILED, socket, peer)->unsent = unsent;
}

/* Takes the letters of one socket in their order, as many as there is room for. */
static void collect_letters(struct broker *broker, enum core_socket socket, size_t count_max)
{
    size_t kept = 0;
    for (size_t i = 0; i < broker->letter_count; i++) {
        struct letter *letter = &broker->letters[i];
        if (letter->socket != socket || broker->count >= count_max) {
            broker->more |= letter->socket == socket;
            broker->letters[kept++] = *letter;
            continue;
        }
        uint8_t route[4];
        put_be32(route, letter->route);
        uint32_t peer = peers_meet(broker->peers, socket, (struct slice){route, sizeof route});
        struct item *item = next_item(broker, CORE_MESSAGE, socket, peer);
        buf_fini(&item->frame);
        item->frame = letter->frame;
        item->framed = true;
    }
    broker->letter_count = kept;
}

static void collect(struct broker *broker)
{
    size_t some = chance(&broker->stream, 20) ? 1 + draw(&broker->stream, 8) : BATCH_MAX;
    broker->more = false;
    collect_failed(broker);
    size_t left = BATCH_MAX - broker->count < some ? BATCH_MAX : broker->count + some;
    collect_letters(broker, CORE_WORKERS, left - left / 8);
    collect_letters(broker, CORE_CLIENTS, left);
    read_clocks(broker);
    broker->tick = ticks_due(&broker->ticks, core_next_deadline(broker->core), broker->now.mono_ms,
                             broker->more);
    bool low = has_fault(broker->world, FAULT_low_disk) && chance(&broker->stream, 10);
    broker->free_bytes = low ? draw(&broker->stream, 64 * 1024 * 1024) : UINT64_MAX;
}

/* --- step ------------------------------------------------------------------------------------- */

static void note_forgotten(struct broker *broker, size_t first)
{
    for (size_t i = first; i < broker->effects.count; i++)
        if (broker->effects.at[i].kind == EFFECT_FORGET)
            peers_forget(broker->peers, broker->effects.at[i].peer);
}

static int step(struct broker *broker, struct core_event *event)
{
    size_t before = broker->effects.count;
    event->now = fresh(broker);
    event->free_bytes = broker->free_bytes;
    event->no_room = broker->now.mono_ms < broker->no_room_until;
    int rc = core_step(broker->core, event, &broker->effects);
    note_forgotten(broker, before);
    return rc;
}

static int step_item(struct broker *broker, struct item *item)
{
    struct fault fault;
    struct core_event event = {.kind = item->input.kind,
                               .socket = item->input.socket,
                               .peer = item->input.peer,
                               .unsent = item->unsent};
    if (item->framed) {
        bool good = message_decode(buf_slice(&item->frame), &item->message, &fault) == 0;
        event.request = item->message.envelope.request;
        event.kind = good ? CORE_MESSAGE : CORE_BAD_MESSAGE;
        event.message = item->input.message = good ? &item->message : NULL;
        event.fault = good ? NULL : &fault;
        if (good && item->message.id == MSG_HELLO)
            peers_keep(broker->peers, item->input.peer);
    }
    return step(broker, &event);
}

static int step_all(struct broker *broker)
{
    struct core_event tick = {.kind = CORE_TICK};
    int rc = 0;
    for (size_t at = broker->done; rc == 0 && at < broker->end; at++)
        rc = step_item(broker, &broker->items[at]);
    if (rc == 0 && broker->tick && broker->end == broker->count)
        rc = step(broker, &tick);
    if (rc < 0)
        return rc;
    size_t before = broker->effects.count;
    rc = core_settle(broker->core, fresh(broker), &broker->effects);
    note_forgotten(broker, before);
    return rc;
}

/* --- commit ----------------------------------------------------------------------------------- */

static void send_effects(struct broker *broker);

static int try_commit(struct broker *broker)
{
    broker->effects.watched = has_feature(broker->world, FEATURE_watched);
    int rc = store_begin(broker->store);
    if (rc == 0)
        rc = step_all(broker);
    if (rc == 0 && TOOTH(ack_before_commit))
        send_effects(broker);
    return rc == 0 ? store_commit(broker->store) : rc;
}

static void show_oracle(struct broker *broker,
                        void (*show)(struct world *, const struct batch_seen *), bool told)
{
    struct input inputs[BATCH_MAX];
    size_t count = 0;
    for (size_t i = broker->done; i < broker->end; i++)
        inputs[count++] = broker->items[i].input;
    struct batch_seen seen = {.inputs = inputs,
                              .count = count,
                              .effects = &broker->effects,
                              .wall_ms = broker->now.wall_ms,
                              .tick = broker->tick && broker->end == broker->count,
                              .told = told};
    show(broker->world, &seen);
}

static int undo(struct broker *broker)
{
    show_oracle(broker, oracle_undone, false);
    store_abort(broker->store);
    effects_clear(&broker->effects);
    broker->trouble_at = broker->world->now;
    return core_rebuild(broker->core, fresh(broker));
}

/* As the server: undone and tried again without submits; then dropped. 1: dropped. */
static int commit(struct broker *broker)
{
    int rc = try_commit(broker);
    if (rc == -ENOSPC && broker->now.mono_ms >= broker->no_room_until) {
        trace_note(broker->world, "the batch does not fit on the disk");
        broker->no_room_until = broker->now.mono_ms + NO_ROOM_MS;
        rc = undo(broker);
        if (rc == 0 && chance(&broker->stream, 20))
            port_plan(broker->store, PORT_NO_ROOM, 0);
        if (rc == 0)
            rc = try_commit(broker);
    }
    if (rc == -ENOSPC) {
        trace_note(broker->world, "nothing fits: the batch is dropped");
        rc = undo(broker);
        return rc < 0 ? rc : 1;
    }
    return rc;
}

/* --- send ------------------------------------------------------------------------------------- */

static void send_one(struct broker *broker, const struct effect *effect)
{
    struct slice frame = {broker->effects.bytes.at + effect->offset, effect->len};
    enum core_socket socket = effect->kind == EFFECT_SEND_WORKER ? CORE_WORKERS : CORE_CLIENTS;
    if (effect->kind == EFFECT_FORGET)
        return;
    oracle_told(broker->world, effect, frame);
    if (effect->kind == EFFECT_PUBLISH)
        return;
    struct slice route = peers_route(broker->peers, effect->peer);
    if (route.len == 4 && net_tell(broker->world, socket, get_be32(route.at), frame))
        return;
    peers_fail(broker->peers, effect->peer, effect->dispatch);
    oracle_unsent(broker->world, frame);
}

static void send_effects(struct broker *broker)
{
    for (size_t i = 0; i < broker->effects.count; i++)
        send_one(broker, &broker->effects.at[i]);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* False: the process is gone. */
static bool commit_and_send(struct broker *broker)
{
    struct world *world = broker->world;
    size_t rest = broker->count - broker->done;
    bool part = rest > 1 && chance(&broker->stream, 20); /* it took too long: the rest later */
    broker->end = part ? broker->done + 1 + draw(&broker->stream, rest - 1) : broker->count;
    plan_failure(broker, false);
    broker->batches++;
    int rc = commit(broker);
    if (rc < 0) {
        DEMAND(world, port_has_struck(broker->store), "a batch goes well (%s)", strerror(-rc));
        trace_note(world, "the batch failed");
        if (port_is_kept(broker->store))
            show_oracle(broker, oracle_committed, false);
        die(broker, draw_wait(&broker->stream, world->heartbeat_ms));
        return false;
    }
    if (rc == 0)
        show_oracle(broker, oracle_committed, true);
    if (rc == 0 && !TOOTH(ack_before_commit))
        send_effects(broker);
    effects_clear(&broker->effects);
    broker->done = broker->end;
    return true;
}

static void turn(struct broker *broker)
{
    ticks_seen(&broker->ticks, broker->waited_ms, mono_ms(broker));
    collect(broker);
    bool any = broker->count > 0 || broker->tick;
    while (any) {
        if (!commit_and_send(broker))
            return;
        any = broker->done < broker->count;
    }
    broker->count = broker->done = 0;
    peers_sweep(broker->peers);
    set_wake(broker);
}

static void wake(void *arg)
{
    struct broker *broker = arg;
    if (broker->core)
        turn(broker);
    else
        start(broker);
}
