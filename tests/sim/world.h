/* One simulated world: its clock, what is about to happen, and its draws of chance.
 *
 * Everything in it runs in one thread under one seed: the same seed gives the same world, line for
 * line. Time is true time in milliseconds since the world began; what people's clocks show is
 * `wall_ms`. Each actor draws from a stream of its own, so that a change to one does not stir the
 * others more than it must.
 *
 * A broken promise ends the world at once (`violated`): the seed is told, and the world is run
 * again with its trace written out. */
#ifndef REEVE_TESTS_SIM_WORLD_H
#define REEVE_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/slice.h"

/* --- chance ----------------------------------------------------------------------------------- */

struct stream {
    uint64_t state;
};
struct stream stream_of(uint64_t seed, uint64_t salt);
uint64_t draw(struct stream *stream, uint64_t below); /* 0 to below - 1; 0 for 0 */
bool chance(struct stream *stream, uint64_t percent);
/* Mostly less than `mean`, now and then several times as much. Never 0. */
uint64_t draw_wait(struct stream *stream, uint64_t mean);

/* --- the swarm: what this seed has of all there is ---------------------------------------------
 */

enum feature {
#define FEATURE(name, percent, what)        FEATURE_##name,
#define SPICE(name, percent, what)          FEATURE_##name,
#define ACTION(name, percent, weight, what) FEATURE_##name,
#include "tests/sim/features.def"
#undef FEATURE
#undef SPICE
#undef ACTION
    FEATURE_COUNT
};

enum fault_kind {
#define FAULT(name, percent, what)    FAULT_##name,
#define DISASTER(name, percent, what) FAULT_##name,
#include "tests/sim/faults.def"
#undef FAULT
#undef DISASTER
    FAULT_COUNT
};

/* --- the world -------------------------------------------------------------------------------- */

enum { WORKERS_MAX = 6, CLIENTS_MAX = 4 };

struct net;
struct broker;
struct oracle;
struct worker;
struct client;
struct trace;

struct world {
    uint64_t seed;
    uint64_t now;        /* true time */
    int64_t wall_offset; /* of the broker's clock of day */
    struct heap agenda;
    uint64_t order;
    struct stream stream; /* the world's own */
    bool features[FEATURE_COUNT];
    bool faults[FAULT_COUNT];
    bool healing; /* no faults any more */
    uint64_t heartbeat_ms, lost_after_ms, grace_ms;
    struct trace *trace;
    struct net *net;
    struct broker *broker;
    struct oracle *oracle;
    struct worker *workers[WORKERS_MAX];
    size_t worker_count;
    struct client *clients[CLIENTS_MAX];
    size_t client_count;
};

bool has_feature(const struct world *world, enum feature feature);
/* Never while the world heals. */
bool has_fault(const struct world *world, enum fault_kind fault);
uint64_t wall_ms(const struct world *world);

/* Something that will happen. Embedded, zeroed; in the agenda at most once. */
struct occurrence {
    struct heap_node node;
    void (*happen)(void *arg);
    void *arg;
};
/* Sets or moves it. What falls on the same millisecond happens in the order it was set. */
void world_at(struct world *world, struct occurrence *occurrence, uint64_t when);
void world_never(struct world *world, struct occurrence *occurrence);
/* Lets what is next happen, if that is before `until`; else the clock is `until` and false comes
 * back. */
bool world_step(struct world *world, uint64_t until);

/* A promise is broken: never returns (the world is left as it is). printf-style. */
_Noreturn void violated(struct world *world, const char *what, ...)
    __attribute__((format(printf, 2, 3)));
#define DEMAND(world, cond, ...) ((cond) ? (void)0 : violated(world, __VA_ARGS__))

#endif
