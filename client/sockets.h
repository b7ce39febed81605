/* The two ZeroMQ sockets of a connection and how they are set: the only client code with zmq.h.
 * Must never block, and never let an error number of libzmq's own out.
 */
#ifndef REEVE_CLIENT_SOCKETS_H
#define REEVE_CLIENT_SOCKETS_H

#include <stdbool.h>

#include <zmq.h>

#include "base/slice.h"

struct sockets {
    void *context;
    void *dealer; /* requests and answers; sends only over a connection that stands */
    void *events; /* SUB; not connected by sockets_open */
};

/* Makes both and starts connecting the DEALER. 0, -errno (nothing is left open). */
int sockets_open(const char *broker, struct sockets *sockets_out);
/* Gives the last bytes 200 ms to leave. {0} is fine. */
void sockets_close(struct sockets *sockets);

/* ZMQ_EVENTS: a mask of ZMQ_POLLIN and ZMQ_POLLOUT. Re-arms the descriptor. */
int socket_events(void *socket);
/* ZMQ_FD, or -errno. */
int socket_fd(void *socket);

/* One frame, copied. 0, -EAGAIN, -errno. */
int socket_send(void *socket, struct slice frame);
/* One frame into an initialised message. *more_out: another one of the same message follows. 0,
 * -EAGAIN, -errno. */
int socket_receive(void *socket, zmq_msg_t *frame, bool *more_out);

/* 0 or -errno. */
int socket_connect(void *socket, const char *endpoint);
int socket_disconnect(void *socket, const char *endpoint);
int socket_subscribe(void *socket, struct slice topic, bool on);

#endif
