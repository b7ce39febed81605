/* The broker's process: the real core, run in batches as broker/server.c runs them, over a store
 * that may fail at every call. It dies, stands still, and starts again over what is durable. */
#ifndef REEVE_TESTS_SIM_BROKER_H
#define REEVE_TESTS_SIM_BROKER_H

#include "broker/core/core.h"
#include "tests/sim/port.h"
#include "tests/sim/world.h"

/* One event of a batch, as the oracle is told of it. `message` is NULL where it was none. */
struct input {
    enum core_event_kind kind;
    enum core_socket socket;
    uint32_t peer;
    const struct message *message;
};

/* A batch that is durable. `told`: its effects will leave; otherwise the broker died over it. */
struct batch_seen {
    const struct input *inputs;
    size_t count;
    const struct effects *effects;
    uint64_t wall_ms;
    bool tick, told;
};

struct broker *sim_broker_new(struct world *world, enum port_kind kind);
void sim_broker_destroy(struct broker **broker);

/* A frame has arrived; copied. The broker is up. */
void sim_broker_receive(struct world *world, enum core_socket socket, uint32_t route,
                        struct slice frame);

/* kill -9: it starts again after `down_ms`. */
void sim_broker_kill(struct world *world, uint64_t down_ms);
/* SIGSTOP, and SIGCONT after `ms`. */
void sim_broker_stop(struct world *world, uint64_t ms);

/* No fault holds it up any more. */
void sim_broker_heal(struct world *world);
/* Its clock of day shows another time: it notices within a second. */
void sim_broker_clock_stepped(struct world *world);

bool sim_broker_is_up(const struct world *world);
uint64_t sim_broker_up_at(const struct world *world);   /* when it is up again */
uint64_t sim_broker_born_at(const struct world *world); /* when it last started */
uint64_t
sim_broker_trouble_at(const struct world *world); /* when something last went wrong in it */
struct store *sim_broker_store(const struct world *world);

#endif
