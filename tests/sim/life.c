/* The course of a world. What goes wrong in it is in disasters.c. */
#include "tests/sim/life.h"

#include "base/check.h"
#include "tests/sim/broker.h"
#include "tests/sim/client.h"
#include "tests/sim/net.h"
#include "tests/sim/oracle.h"
#include "tests/sim/worker.h"

#define WALL_START INT64_C(1893456000000) /* 2030-01-01T00:00:00Z */

enum { BEATS = 250, AUDIT_MS = 30 * 60 * 1000, NIGHT_MS = 20 * 3600 * 1000 };

/* --- what this seed has ------------------------------------------------------------------------
 */

static const struct {
    unsigned percent;
} features[] =
    {
#define FEATURE(name, percent, what)        {percent},
#define SPICE(name, percent, what)          {percent},
#define ACTION(name, percent, weight, what) {percent},
#include "tests/sim/features.def"
#undef FEATURE
#undef SPICE
#undef ACTION
},
  faults[] = {
#define FAULT(name, percent, what)    {percent},
#define DISASTER(name, percent, what) {percent},
#include "tests/sim/faults.def"
#undef FAULT
#undef DISASTER
};

static void draw_swarm(struct world *world)
{
    static const uint64_t beats[] = {1000, 2000, 2000, 5000, 10000, 30000, 60000};
    struct stream *stream = &world->stream;
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        world->features[i] = chance(stream, features[i].percent);
    bool calm = chance(stream, 8); /* where nothing goes wrong nothing may be amiss */
    for (size_t i = 0; i < FAULT_COUNT; i++)
        world->faults[i] = chance(stream, faults[i].percent) && !calm;
    world->heartbeat_ms = beats[draw(stream, sizeof beats / sizeof *beats)];
    world->lost_after_ms = 5 * world->heartbeat_ms;
    world->grace_ms = 1000 + draw(stream, 10000);
}

static void begin(struct world *world, uint64_t seed, enum port_kind store, struct trace *trace)
{
    *world = (struct world){.seed = seed, .now = 1000, .wall_offset = WALL_START, .trace = trace};
    heap_init(&world->agenda);
    world->stream = stream_of(seed, 'w');
    draw_swarm(world);
    world->net = net_new(world);
    world->oracle = oracle_new(world);
    world->broker = sim_broker_new(world, store);
    world->worker_count = 1 + draw(&world->stream, WORKERS_MAX - 2);
    for (size_t i = 0; i < world->worker_count; i++)
        world->workers[i] = sim_worker_new(world, i, false);
    world->client_count = 1 + draw(&world->stream, CLIENTS_MAX);
    for (size_t i = 0; i < world->client_count; i++)
        world->clients[i] = sim_client_new(world, i);
}

static void end(struct world *world)
{
    for (size_t i = 0; i < world->worker_count; i++)
        sim_worker_destroy(&world->workers[i]);
    for (size_t i = 0; i < world->client_count; i++)
        sim_client_destroy(&world->clients[i]);
    sim_broker_destroy(&world->broker);
    oracle_destroy(&world->oracle);
    net_destroy(&world->net);
    heap_fini(&world->agenda);
}

/* --- the days of trouble ------------------------------------------------------------------------
 */

static void let_pass(struct world *world, uint64_t until)
{
    while (world_step(world, until))
        continue;
}

/* Everybody goes; a day later they come back. */
static void night(struct world *world)
{
    uint64_t length = NIGHT_MS + draw(&world->stream, NIGHT_MS / 2);
    trace_note(world, "night");
    for (size_t i = 0; i < world->client_count; i++)
        sim_client_rest(world->clients[i], world->now + length);
    for (size_t i = 0; i < world->worker_count; i++)
        sim_worker_sleep(world->workers[i], length);
    if (chance(&world->stream, 30))
        sim_broker_kill(world, draw(&world->stream, length));
    let_pass(world, world->now + length);
}

static void days_of_trouble(struct world *world)
{
    struct stream *stream = &world->stream;
    uint64_t until = world->now + world->heartbeat_ms * (BEATS / 2 + draw(stream, BEATS));
    bool nights = has_feature(world, FEATURE_nights);
    uint64_t dusk = world->now + draw(stream, until - world->now);
    while (world->now < until) {
        let_pass(world, world->now + draw_wait(stream, world->heartbeat_ms * 8));
        disaster(world);
        if (nights && world->now >= dusk) {
            night(world);
            until += NIGHT_MS;
            nights = false;
        }
    }
}

/* --- healing ------------------------------------------------------------------------------------
 */

static void stop_faults(struct world *world)
{
    trace_note(world, "from now on nothing goes wrong");
    world->healing = true;
    sim_broker_heal(world);
    for (size_t i = 0; i < world->worker_count; i++)
        sim_worker_heal(world->workers[i]);
    for (size_t i = 0; i < world->client_count; i++)
        sim_client_rest(world->clients[i], UINT64_MAX);
    size_t last = world->worker_count++;
    world->workers[last] = sim_worker_new(world, last, true);
}

/* Everything comes to its end, a while after the last job was due. */
static void end_all_jobs(struct world *world)
{
    uint64_t due, until = world->now + 30 * world->lost_after_ms + 10 * 60 * 1000;
    while (oracle_open_jobs(world, &due) > 0) {
        if (due > wall_ms(world))
            until = world->now + (due - wall_ms(world)) + 20 * world->lost_after_ms + 60000;
        if (world->now >= until) {
            oracle_tell_open(world);
            violated(world, "every job comes to its end once nothing goes wrong any more");
        }
        let_pass(world, world->now + world->heartbeat_ms);
    }
}

static bool all_idle(struct world *world)
{
    bool idle = true;
    for (size_t i = 0; i < world->worker_count; i++)
        idle &= sim_worker_is_idle(world->workers[i]);
    for (size_t i = 0; i < world->client_count; i++)
        idle &= sim_client_is_idle(world->clients[i]);
    return idle;
}

/* Everybody's requests are answered, every result is settled, every job can be read as it is. */
static void audit(struct world *world)
{
    size_t place = 0;
    uint64_t until = world->now + AUDIT_MS + 30 * world->lost_after_ms;
    bool more = true;
    while (more || !all_idle(world)) {
        DEMAND(world, world->now < until, "everybody gets an answer in the end");
        more = sim_client_audit(world->clients[0], &place);
        let_pass(world, world->now + 500);
    }
    oracle_full_check(world);
}

uint64_t live(struct world *world, uint64_t seed, enum port_kind store, struct trace *trace)
{
    begin(world, seed, store, trace);
    days_of_trouble(world);
    stop_faults(world);
    end_all_jobs(world);
    audit(world);
    uint64_t lived = world->now;
    end(world);
    return lived;
}
