/* The broker's loop: wait, collect a batch, step each event, commit once, send.
 *
 * One thread owns everything here, the core and the store. Nothing is sent before the batch it
 * comes from is durable. */
#ifndef REEVE_BROKER_SERVER_H
#define REEVE_BROKER_SERVER_H

#include "broker/core/core.h"
#include "broker/server_auth.h"
#include "broker/server_sockets.h"

struct server;

/* Borrowed: the endpoints (by kind) and the pair during server_open, `auth` as long as the server.
 * With CURVE both of the latter are set, without it none. */
struct server_config {
    const char *endpoints[SOCKET_COUNT];
    const struct curve_pair *pair;
    struct server_auth *auth;
};

/* Binds the endpoints (says on the log which could not be had). 0, -errno. */
int server_open(const struct server_config *config, struct server **server_out);

/* A bound endpoint; lives as long as the server. */
const char *server_endpoint(const struct server *server, enum socket_kind kind);

/* Serves until SIGTERM or SIGINT comes in on `signal_fd` (base/signals.h), then returns 0; the
 * batch under way is finished first. SIGHUP has the list of keys read again. `core` and `store` are
 * borrowed. < 0: the store or a socket failed (said on the log), nothing of the last batch was
 * sent, and the program must end. */
int server_run(struct server *server, struct core *core, struct store *store, int signal_fd);

/* What has been sent may still leave for SOCKETS_LINGER_MS. NULL is fine. */
void server_close(struct server **server);

#endif
