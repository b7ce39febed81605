/* What goes wrong at large: a row in faults.def and a function here. Small mishaps (a lost frame, a
 * failed commit) are where they strike: net.c, broker.c. */
#include "tests/sim/broker.h"
#include "tests/sim/client.h"
#include "tests/sim/life.h"
#include "tests/sim/worker.h"

enum { SLOW_BEAT_MS = 30 * 1000, DAY_MS = 24 * 3600 * 1000 };

static struct worker *any_worker(struct world *world)
{
    return world->workers[draw(&world->stream, world->worker_count)];
}

static struct client *any_client(struct world *world)
{
    return world->clients[draw(&world->stream, world->client_count)];
}

/* Around the time after which silence counts: shorter and longer. */
static uint64_t while_away(struct world *world)
{
    return draw_wait(&world->stream, world->lost_after_ms);
}

static void disaster_broker_dies(struct world *world)
{
    sim_broker_kill(world, chance(&world->stream, 70) ? draw(&world->stream, world->heartbeat_ms)
                                                      : while_away(world));
}

static void disaster_broker_stops(struct world *world)
{
    sim_broker_stop(world, while_away(world));
}

static void disaster_clock_steps(struct world *world)
{
    static const uint64_t beats[] = {1, 30, 300};
    uint64_t most = beats[draw(&world->stream, 3)] * world->heartbeat_ms;
    if (world->heartbeat_ms >= SLOW_BEAT_MS && chance(&world->stream, 10))
        most = DAY_MS + DAY_MS / 10; /* what is kept for a day goes */
    int64_t step = (int64_t)draw(&world->stream, most);
    if (chance(&world->stream, 50))
        step = -step;
    trace_note(world, "the clock of day is set by %lld ms", (long long)step);
    world->wall_offset += step;
    sim_broker_clock_stepped(world);
}

static void disaster_worker_dies(struct world *world)
{
    sim_worker_kill(any_worker(world), while_away(world));
}

static void disaster_worker_stops(struct world *world)
{
    sim_worker_stop(any_worker(world), while_away(world));
}

static void disaster_worker_lies(struct world *world)
{
    sim_worker_lie(any_worker(world));
}

static void disaster_client_dies(struct world *world)
{
    sim_client_kill(any_client(world));
}

static void disaster_line_breaks(struct world *world)
{
    if (chance(&world->stream, 60))
        sim_worker_break_line(any_worker(world));
    else
        sim_client_break_line(any_client(world));
}

static void disaster_line_is_cut(struct world *world)
{
    if (chance(&world->stream, 60))
        sim_worker_cut_line(any_worker(world), while_away(world));
    else
        sim_client_cut_line(any_client(world), while_away(world));
}

static const struct {
    enum fault_kind fault;
    void (*strike)(struct world *);
} disasters[] = {
#define DISASTER(name, percent, what) {FAULT_##name, disaster_##name},
#define FAULT(name, percent, what)
#include "tests/sim/faults.def"
#undef DISASTER
#undef FAULT
};

void disaster(struct world *world)
{
    size_t count = sizeof disasters / sizeof *disasters;
    size_t which = draw(&world->stream, count);
    if (has_feature(world, FEATURE_drains) && chance(&world->stream, 10))
        sim_worker_leave(any_worker(world), chance(&world->stream, 50),
                         draw_wait(&world->stream, world->heartbeat_ms));
    for (size_t i = 0; i < count; i++, which = (which + 1) % count) {
        if (!has_fault(world, disasters[which].fault))
            continue;
        disasters[which].strike(world);
        return;
    }
}
