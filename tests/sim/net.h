/* The lines between the broker and its peers. Frames take their time on them, and what faults there
 * are strikes here: lost, repeated, overtaken, late, cut off; a line that breaks comes back under
 * another routing id, as ZeroMQ's do, and its peer is not told. */
#ifndef REEVE_TESTS_SIM_NET_H
#define REEVE_TESTS_SIM_NET_H

#include "broker/core/core.h"
#include "tests/sim/world.h"

/* One peer's connection. Embedded in its owner. */
struct line {
    struct world *world;
    enum core_socket socket;
    char name[8];
    uint32_t route; /* its routing id at the moment; 0: closed */
    void (*receive)(void *owner, struct slice frame);
    void *owner;
    uint64_t cut_until;
    uint64_t trouble_at;      /* when something last went wrong on it */
    uint64_t arrives_last[2]; /* by direction: what is said later arrives no sooner */
};

struct net *net_new(struct world *world);
void net_destroy(struct net **net);

/* Connects; again: the connection is a new one. The line stays where it is while open. */
void net_open(struct line *line);
/* The peer's process is gone. What it said may still arrive. */
void net_close(struct line *line);
/* What is on its way may be lost; the routing id is another one from now on. */
void net_break(struct line *line);
/* The broker is another process: every line has been broken. */
void net_break_all(struct world *world);

/* From the peer to the broker. */
void net_say(struct line *line, struct slice frame);
/* From the broker to whoever has this routing id. False: nobody has. */
bool net_tell(struct world *world, enum core_socket socket, uint32_t route, struct slice frame);

/* The open line with this routing id, or NULL. */
struct line *net_line(const struct world *world, uint32_t route);

#endif
