/* The broker's three sockets: ROUTER for clients, ROUTER for workers, XPUB for events.
 *
 * The only broker code that includes czmq.h. One owner thread. Sending and receiving never block;
 * every message is one frame (beside the routing id or the topic). Must never know what travels. */
#ifndef REEVE_BROKER_SERVER_SOCKETS_H
#define REEVE_BROKER_SERVER_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "base/curve_key.h"
#include "base/slice.h"
#include "broker/server_zap.h"

enum socket_kind { SOCKET_CLIENTS, SOCKET_WORKERS, SOCKET_EVENTS, SOCKET_COUNT };

enum {
    SEND_HWM = 8192,    /* messages waiting for one peer; beyond it it counts as gone */
    RECEIVE_HWM = 1000, /* messages waiting of one peer; beyond it TCP holds it back */
    EVENTS_HWM = 4096,  /* events waiting for one watcher; beyond it they are dropped */
    SOCKETS_LINGER_MS = 1000
};

/* "clients", "workers", "events". */
const char *socket_name(enum socket_kind kind);

struct sockets;

/* Makes and binds all three; `endpoints` by kind. With a `pair` (NULL: without) all of them speak
 * CURVE and nothing else, as the server with this key, and each handshake is put to
 * sockets_admit under the socket's name. Says on the log which endpoint could not be had
 * and why. Call before threads start (takes czmq's environment and signal handlers out of the
 * way). 0, -errno. */
int sockets_open(const char *const endpoints[SOCKET_COUNT], const struct curve_pair *pair,
                 struct sockets **sockets_out);

/* What was bound: a port instead of `*`. Lives as long as `sockets`. */
const char *sockets_endpoint(const struct sockets *sockets, enum socket_kind kind);

/* Blocks until a socket or `fd` is readable or the time is over (< 0: never). 0, -errno. */
int sockets_wait(const struct sockets *sockets, int fd, int64_t timeout_ms, bool *fd_ready_out);

/* Lets in, or turns away, whoever shakes hands with us. Nothing to do without CURVE. 0, -errno. */
int sockets_admit(struct sockets *sockets, zap_admit *admit, void *arg);

/* Who sent a message, and whether it had more than one frame (the others are gone). */
struct sender {
    uint8_t at[255]; /* the routing id; none on the events socket */
    size_t len;
    char key[CURVE_KEY_SIZE]; /* what its connection has proved; "" without CURVE */
    int fd;                   /* on the events socket: its connection's descriptor; -1: unknown */
    bool many_frames;
};

/* 1: a message, whose frame the caller closes with zmq_msg_close; from the events socket it is a
 * subscription. 0: nothing waits. -errno. `frame` is only opened on 1. */
int sockets_receive(struct sockets *sockets, enum socket_kind kind, struct sender *sender_out,
                    zmq_msg_t *frame_out);

/* Sends `frame`, copied, behind `head` (a routing id, a topic). 0; 1: nobody is there to take it
 * (or it does not read); -errno. */
int sockets_send(struct sockets *sockets, enum socket_kind kind, struct slice head,
                 struct slice frame);

/* What was sent still has SOCKETS_LINGER_MS to leave. NULL is fine. */
void sockets_close(struct sockets **sockets);

#endif
