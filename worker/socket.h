/* The worker's connection: one DEALER socket, for one thread, never blocking but in wsocket_wait.
 *
 * libzmq reconnects by itself, with growing, jittered pauses; what cannot be sent is the session's
 * business. One frame is one message; messages of more frames are skipped. Must never use
 * ZMQ_HEARTBEAT_IVL, which aborts busy processes (libzmq 4.3.4): the session beats by itself. Only
 * socket.c includes zmq.h. */
#ifndef REEVE_WORKER_SOCKET_H
#define REEVE_WORKER_SOCKET_H

#include <stdint.h>

#include "base/slice.h"
#include "client/socket_curve.h"

struct wsocket;

/* Starts connecting, with these keys (copied; NULL: none); returns at once, also where nobody
 * listens. 0, -EINVAL (the endpoint can't be read), -ENOMEM, -EMFILE, another -errno. */
int wsocket_new(const char *endpoint, const struct client_curve *curve,
                struct wsocket **socket_out);

/* May take `linger_ms` to get the last frames out. NULL is fine. */
void wsocket_destroy(struct wsocket **socket, int linger_ms);

/* A new connection in place of the old one, whose unsent frames are gone. As wsocket_new; on an
 * error there is none, and it may be tried again. */
int wsocket_reopen(struct wsocket *socket);

/* How the last handshake went; *words_out: what to check where it failed, "" otherwise. *news_out:
 * one has failed or gone well since the last call. */
enum handshake_state wsocket_handshake(struct wsocket *socket, bool *news_out,
                                       const char **words_out);

/* 0; -EAGAIN: too much waits already; -ENOMEM, another -errno. */
int wsocket_send(struct wsocket *socket, struct slice frame);

/* 1: a frame, borrowed until the next call; 0: none waits; -errno. */
int wsocket_receive(struct wsocket *socket, struct slice *frame_out);

/* Waits until a frame or `other_fd` can be read, or `wait_ms` are over (< 0: for ever). 0, -errno.
 */
int wsocket_wait(struct wsocket *socket, int other_fd, int64_t wait_ms);

#endif
