/* All open connections: how many, from where, and how long each may still take.
 *
 * libmicrohttpd only knows inactivity; here are absolute deadlines for a request's head and body,
 * so that a client that dribbles bytes cannot hold a connection for ever. One thread of its own
 * looks at them, answers 408 and shuts the socket down; libmicrohttpd then closes it. The same
 * thread ticks streams and drains sockets that were answered early.
 * Must never touch a socket after connection_closed. Thread-safe. */
#ifndef REEVE_GATEWAY_HTTP_CONNECTIONS_H
#define REEVE_GATEWAY_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct sockaddr;
struct outflow;
struct connection;
struct connections;

/* What a connection is doing, each with its own patience. */
enum phase {
    PHASE_IDLE,  /* between two requests: closed without a word */
    PHASE_HEAD,  /* a request is expected, or its head is coming in: 408 */
    PHASE_BODY,  /* 408 */
    PHASE_WORK,  /* the answer is being made: its maker has a limit of its own */
    PHASE_REPLY, /* the answer goes out: closed */
    PHASE_COUNT
};

struct connections_config {
    uint64_t patience_ms[PHASE_COUNT]; /* 0: none */
    size_t count_max;
    size_t per_address_max;  /* 0: any number */
    struct text slow_answer; /* the whole 408, borrowed for ever */
};

/* Starts the thread. 0, -errno. */
int connections_new(const struct connections_config *config, struct connections **out);
/* Stops it; no connection may be open. NULL is fine. */
void connections_destroy(struct connections **connections);
size_t connections_count(struct connections *connections);

/* A connection was accepted; `fd` stays the server's. NULL: out of memory. */
struct connection *connection_opened(struct connections *connections, int fd,
                                     const struct sockaddr *address);
/* The socket is about to be closed. NULL is fine. */
void connection_closed(struct connections *connections, struct connection *connection);

/* Which limit it is beyond. */
enum crowd { CROWD_NONE, CROWD_ALL, CROWD_ADDRESS };
enum crowd connection_crowd(const struct connection *connection);
const char *connection_address(const struct connection *connection);

void connection_enter(struct connections *connections, struct connection *connection,
                      enum phase phase);
/* It streams: the outflow (a reference is taken) is ticked until the phase changes. */
void connection_stream(struct connections *connections, struct connection *connection,
                       struct outflow *outflow);
/* What still comes in after it was closed is to be read and dropped. */
void connection_linger(struct connections *connections, struct connection *connection);

#endif
