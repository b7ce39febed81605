/* The DEALER and its options. */
#include "worker/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zmq.h>

#include "proto/limits.h"

struct wsocket {
    char *endpoint;
    void *context;
    void *dealer;
    struct client_curve curve;
    struct handshake handshake;
    zmq_msg_t frame; /* the last one received */
    bool received;
};

/* Each row: an option and its number. Times are milliseconds but for keepalive's seconds. */
static const struct {
    int option, value;
} options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_SNDHWM, 1000},
    {ZMQ_RCVHWM, 1000},
    {ZMQ_RECONNECT_IVL, 100},
    {ZMQ_RECONNECT_IVL_MAX, 2000},
    {ZMQ_CONNECT_TIMEOUT, 5000},
    {ZMQ_HANDSHAKE_IVL, 10000},
    {ZMQ_TCP_MAXRT, 15000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_TCP_KEEPALIVE_IDLE, 10},
    {ZMQ_TCP_KEEPALIVE_INTVL, 5},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
};

/* libzmq's own errors mean nothing further up. */
static int failure(void)
{
    int code = zmq_errno();
    if (code == EPROTONOSUPPORT || code == ENOCOMPATPROTO)
        return -EINVAL;
    return code > 0 && code < ZMQ_HAUSNUMERO ? -code : -EIO;
}

static int set_options(void *dealer, const char *endpoint)
{
    int64_t size_max = MESSAGE_SIZE_MAX;
    /* Only where the endpoint says so: with it, libzmq takes ::1 for localhost and nothing else. */
    int ipv6 = strchr(endpoint, '[') != NULL;
    if (zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) != 0 ||
        zmq_setsockopt(dealer, ZMQ_IPV6, &ipv6, sizeof ipv6) != 0)
        return failure();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (zmq_setsockopt(dealer, options[i].option, &options[i].value, sizeof options[i].value) !=
            0)
            return failure();
    return 0;
}

static void dealer_close(struct wsocket *socket)
{
    handshake_close(&socket->handshake);
    if (socket->dealer)
        zmq_close(socket->dealer);
    socket->dealer = NULL;
}

static int dealer_open(struct wsocket *socket)
{
    socket->dealer = zmq_socket(socket->context, ZMQ_DEALER);
    if (!socket->dealer)
        return failure();
    int rc = set_options(socket->dealer, socket->endpoint);
    if (rc == 0)
        rc = client_curve_set(socket->dealer, &socket->curve);
    if (rc == 0)
        rc = handshake_open(socket->context, socket->dealer, socket->curve.on, &socket->handshake);
    if (rc == 0 && zmq_connect(socket->dealer, socket->endpoint) != 0)
        rc = failure();
    if (rc < 0)
        dealer_close(socket);
    return rc;
}

static void frame_drop(struct wsocket *socket)
{
    if (socket->received)
        zmq_msg_close(&socket->frame);
    socket->received = false;
}

int wsocket_new(const char *endpoint, const struct client_curve *curve, struct wsocket **socket_out)
{
    struct wsocket *socket = calloc(1, sizeof *socket);
    *socket_out = NULL;
    if (!socket)
        return -ENOMEM;
    int rc = -ENOMEM;
    if (curve)
        socket->curve = *curve;
    socket->endpoint = strdup(endpoint);
    socket->context = socket->endpoint ? zmq_ctx_new() : NULL;
    if (socket->context)
        rc = dealer_open(socket);
    if (rc < 0)
        wsocket_destroy(&socket, 0);
    *socket_out = socket;
    return rc;
}

void wsocket_destroy(struct wsocket **socket, int linger_ms)
{
    struct wsocket *s = *socket;
    *socket = NULL;
    if (!s)
        return;
    frame_drop(s);
    if (s->dealer)
        zmq_setsockopt(s->dealer, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    dealer_close(s);
    client_curve_wipe(&s->curve);
    if (s->context)
        while (zmq_ctx_term(s->context) != 0 && zmq_errno() == EINTR) {
        }
    free(s->endpoint);
    free(s);
}

int wsocket_reopen(struct wsocket *socket)
{
    frame_drop(socket);
    dealer_close(socket);
    return dealer_open(socket);
}

enum handshake_state wsocket_handshake(struct wsocket *socket, bool *news_out,
                                       const char **words_out)
{
    *news_out = handshake_look(&socket->handshake);
    *words_out = handshake_words(&socket->handshake);
    return socket->handshake.state;
}

int wsocket_send(struct wsocket *socket, struct slice frame)
{
    int sent;
    if (!socket->dealer) /* the last reopen failed */
        return -EAGAIN;
    do {
        sent = zmq_send(socket->dealer, frame.at, frame.len, ZMQ_DONTWAIT);
    } while (sent < 0 && zmq_errno() == EINTR);
    return sent < 0 ? failure() : 0;
}

/* Reads one message; *whole_out: it had one frame. */
static int receive_message(struct wsocket *socket, bool *whole_out)
{
    frame_drop(socket);
    zmq_msg_init(&socket->frame);
    socket->received = true;
    int frames = 0, got;
    do {
        got = zmq_msg_recv(&socket->frame, socket->dealer, ZMQ_DONTWAIT);
        if (got < 0 && zmq_errno() == EINTR)
            continue;
        frames++;
    } while (got >= 0 ? zmq_msg_more(&socket->frame) : zmq_errno() == EINTR);
    if (got < 0)
        return zmq_errno() == EAGAIN ? 0 : failure();
    *whole_out = frames == 1;
    return 1;
}

int wsocket_receive(struct wsocket *socket, struct slice *frame_out)
{
    bool whole;
    int rc;
    if (!socket->dealer)
        return 0;
    while ((rc = receive_message(socket, &whole)) == 1 && !whole) {
    }
    if (rc == 1)
        *frame_out = (struct slice){zmq_msg_data(&socket->frame), zmq_msg_size(&socket->frame)};
    return rc;
}

int wsocket_wait(struct wsocket *socket, int other_fd, int64_t wait_ms)
{
    zmq_pollitem_t items[] = {{.fd = other_fd, .events = ZMQ_POLLIN},
                              {.socket = socket->dealer, .events = ZMQ_POLLIN},
                              {.socket = socket->handshake.monitor, .events = ZMQ_POLLIN}};
    if (zmq_poll(items, socket->dealer ? 3 : 1, wait_ms) < 0 && zmq_errno() != EINTR)
        return failure();
    return 0;
}
