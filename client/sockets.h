/* The two ZeroMQ sockets of a connection and how they are set: the only client code with zmq.h.
 * Must never block, and never let an error number of libzmq's own out.
 */
#ifndef REEVE_CLIENT_SOCKETS_H
#define REEVE_CLIENT_SOCKETS_H

#include <stdbool.h>

#include <zmq.h>

#include "base/slice.h"
#include "client/socket_curve.h"

struct client_sockets {
    void *context;
    void *dealer;               /* requests and answers; sends only over a connection that stands */
    void *events;               /* SUB; not connected by client_sockets_open */
    struct handshake handshake; /* of the DEALER */
};

/* Makes both, with these keys (NULL: none), and starts connecting the DEALER. 0, -errno (nothing is
 * left open). */
int client_sockets_open(const char *broker, const struct client_curve *curve,
                        struct client_sockets *sockets_out);
/* Gives the last bytes 200 ms to leave. {0} is fine. */
void client_sockets_close(struct client_sockets *sockets);

/* ZMQ_EVENTS: a mask of ZMQ_POLLIN and ZMQ_POLLOUT. Re-arms the descriptor. */
int client_socket_events(void *socket);
/* ZMQ_FD, or -errno. */
int client_socket_fd(void *socket);

/* One frame, copied. 0, -EAGAIN, -errno. */
int client_socket_send(void *socket, struct slice frame);
/* One frame into an initialised message. *more_out: another one of the same message follows. 0,
 * -EAGAIN, -errno. */
int client_socket_receive(void *socket, zmq_msg_t *frame, bool *more_out);

/* 0 or -errno. */
int client_socket_connect(void *socket, const char *endpoint);
int client_socket_disconnect(void *socket, const char *endpoint);
int client_socket_subscribe(void *socket, struct slice topic, bool on);

#endif
