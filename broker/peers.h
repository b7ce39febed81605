/* Who is at the other end: routing ids of the two ROUTER sockets, each under a handle that the
 * core knows it by. Handles are not reused until 2^32 others have been.
 *
 * A peer that has not said hello is a stranger, and forgotten with its batch (peers_sweep). One
 * that has is kept until the core has no session for it (peers_forget) or nothing can be sent to
 * it (peers_fail: the core is told with the next batch, and it is a stranger again). Bounded: at
 * PEERS_MAX, the one silent for longest fails. Not thread-safe. Must never know a socket. */
#ifndef REEVE_BROKER_PEERS_H
#define REEVE_BROKER_PEERS_H

#include "base/slice.h"
#include "broker/core/core.h"

enum { PEERS_MAX = SESSIONS_MAX + 8192, ROUTING_ID_MAX = 255 };

struct peers;

int peers_new(struct peers **peers_out);  /* 0, -ENOMEM */
void peers_destroy(struct peers **peers); /* NULL is fine */

/* The handle of a routing id (1 to ROUTING_ID_MAX bytes, copied), new if need be. 0: there is no
 * room for it now, or no memory. */
uint32_t peers_meet(struct peers *peers, enum core_socket socket, struct slice routing_id);

/* The peer's message came with this key ("" without CURVE). The first one is the peer's for good.
 * false: it is another one. Somebody has taken up the routing id of a connection that is gone: the
 * old peer fails, so that nothing meant for it goes there, and the message is not its. */
bool peers_prove(struct peers *peers, uint32_t handle, const char *key);

/* The peer said hello. Here and below, unknown handles are ignored. */
void peers_keep(struct peers *peers, uint32_t handle);

/* The routing id; borrowed until the next sweep. Empty: no such peer, or it has failed. */
struct slice peers_route(const struct peers *peers, uint32_t handle);

/* Nothing reaches this peer. `unsent`: the number of the dispatch that did not, or 0; the first one
 * is kept. Say it of each. */
void peers_fail(struct peers *peers, uint32_t handle, uint64_t unsent);
bool peers_any_failed(const struct peers *peers);
/* The next failed peer, to be told to the core: a stranger from now on. False: none is left. */
bool peers_take_failed(struct peers *peers, enum core_socket *socket_out, uint32_t *handle_out,
                       uint64_t *unsent_out);

/* The core has no session for it any more: a stranger from now on. */
void peers_forget(struct peers *peers, uint32_t handle);
/* Forgets the strangers. Call between batches. */
void peers_sweep(struct peers *peers);

size_t peers_count(const struct peers *peers);

#endif
