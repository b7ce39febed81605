/* Sessions: who is at the other end, whatever connection it uses at the moment.
 *
 * A peer says hello with a session id of its own and an epoch that grows at each of its starts.
 * The session outlives connections: a hello from elsewhere takes it along, leases included. */
#ifndef REEVE_BROKER_CORE_SESSION_H
#define REEVE_BROKER_CORE_SESSION_H

#include "broker/core/memory.h"

struct session *session_of_peer(const struct core *core, uint32_t peer);

/* Does what a key may be still fit the session that was opened with it? */
bool session_fits(const struct session *session, const struct core_auth *auth);

/* The messages of a session's own life. 0, REFUSED, -errno. */
int handle_hello(struct core *core, const struct message *message);
int handle_ping(struct core *core, struct session *session, const struct message *message);
int handle_bye(struct core *core, struct session *session, const struct message *message);
int handle_heartbeat(struct core *core, struct session *session, const struct message *message);

/* Its connection does not take messages any more; it may come back with a hello. */
void session_disconnected(struct session *session, struct core *core);

/* Gives up sessions that were silent for too long. 0, -errno. */
int sessions_expire(struct core *core);

/* Ends the sessions of these keys (in order of their bytes): what a worker among them holds is lost
 * with the next tick. 0, -errno. */
int sessions_revoke(struct core *core, const struct text *keys, size_t count);

/* mono; UINT64_MAX: none. */
uint64_t sessions_next(const struct core *core);
void sessions_fini(struct core *core);

#endif
