/* ZeroMQ sockets with every option that matters set by hand.
 * Must never block, never use ZMQ_HEARTBEAT_IVL (it aborts busy processes in libzmq 4.3.4), and
 * never let an error number of libzmq's own out.
 */
#include "client/sockets.h"

#include <errno.h>

#include "proto/limits.h"

enum {
    LINGER_MS = 200,
    REQUESTS_HWM = 1000,
    EVENTS_HWM = 10000,      /* what is beyond is lost, and noticed by its missing number */
    RECONNECT_MS = 100,      /* libzmq adds a random part and doubles it up to … */
    RECONNECT_MAX_MS = 2000, /* … this */
    HANDSHAKE_MS = 10000,
    CONNECT_MS = 5000,
    UNACKED_MS = 30000, /* bytes that a peer does not take for so long: it is gone */
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_COUNT = 3
};

/* The number of the last failure, as everybody else knows it. */
static int failure(void)
{
    int number = zmq_errno();
    if (number == ETERM)
        return -ESHUTDOWN;
    return number > 0 && number < ZMQ_HAUSNUMERO ? -number : -EIO;
}

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : failure();
}

/* What both sockets share. */
static int set_common(void *socket, int hwm)
{
    const int values[][2] = {
        {ZMQ_SNDHWM, hwm},
        {ZMQ_RCVHWM, hwm},
        {ZMQ_LINGER, LINGER_MS},
        {ZMQ_IPV6, 1},
        {ZMQ_RECONNECT_IVL, RECONNECT_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
        {ZMQ_TCP_MAXRT, UNACKED_MS},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S},
        {ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S},
        {ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT},
    };
    int64_t size_max = MESSAGE_SIZE_MAX;
    int rc = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) ? failure() : 0;
    for (size_t i = 0; rc == 0 && i < sizeof values / sizeof values[0]; i++)
        rc = set(socket, values[i][0], values[i][1]);
    return rc;
}

static int open_socket(void *context, int type, int hwm, const struct client_curve *curve,
                       void **socket_out)
{
    *socket_out = zmq_socket(context, type);
    int rc = *socket_out ? set_common(*socket_out, hwm) : failure();
    return rc == 0 && curve ? client_curve_set(*socket_out, curve) : rc;
}

/* ZMQ_IMMEDIATE: nothing queues for a connection that does not stand, so that what was not sent
 * yet stays with the session, and is sent once. */
static int open_all(const char *broker, const struct client_curve *curve,
                    struct client_sockets *sockets)
{
    int rc = open_socket(sockets->context, ZMQ_DEALER, REQUESTS_HWM, curve, &sockets->dealer);
    if (rc == 0)
        rc = set(sockets->dealer, ZMQ_IMMEDIATE, 1);
    if (rc == 0)
        rc = open_socket(sockets->context, ZMQ_SUB, EVENTS_HWM, curve, &sockets->events);
    if (rc == 0)
        rc = handshake_open(sockets->context, sockets->dealer, curve && curve->on,
                            &sockets->handshake);
    return rc == 0 ? client_socket_connect(sockets->dealer, broker) : rc;
}

int client_sockets_open(const char *broker, const struct client_curve *curve,
                        struct client_sockets *sockets_out)
{
    *sockets_out = (struct client_sockets){.context = zmq_ctx_new()};
    if (!sockets_out->context)
        return failure();
    int rc = open_all(broker, curve, sockets_out);
    if (rc < 0)
        client_sockets_close(sockets_out);
    return rc;
}

void client_sockets_close(struct client_sockets *sockets)
{
    handshake_close(&sockets->handshake);
    if (sockets->events)
        zmq_close(sockets->events);
    if (sockets->dealer)
        zmq_close(sockets->dealer);
    while (sockets->context && zmq_ctx_term(sockets->context) != 0 && zmq_errno() == EINTR)
        continue;
    *sockets = (struct client_sockets){0};
}

int client_socket_events(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 ? events : 0;
}

int client_socket_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 ? fd : failure();
}

int client_socket_send(void *socket, struct slice frame)
{
    int rc;
    do
        rc = zmq_send(socket, frame.at, frame.len, ZMQ_DONTWAIT);
    while (rc < 0 && zmq_errno() == EINTR);
    return rc < 0 ? failure() : 0;
}

int client_socket_receive(void *socket, zmq_msg_t *frame, bool *more_out)
{
    int rc;
    do
        rc = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
    while (rc < 0 && zmq_errno() == EINTR);
    *more_out = rc >= 0 && zmq_msg_more(frame);
    return rc < 0 ? failure() : 0;
}

int client_socket_connect(void *socket, const char *endpoint)
{
    return zmq_connect(socket, endpoint) == 0 ? 0 : failure();
}

int client_socket_disconnect(void *socket, const char *endpoint)
{
    return zmq_disconnect(socket, endpoint) == 0 ? 0 : failure();
}

int client_socket_subscribe(void *socket, struct slice topic, bool on)
{
    int option = on ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE;
    return zmq_setsockopt(socket, option, topic.at ? topic.at : (const uint8_t *)"", topic.len)
               ? failure()
               : 0;
}
