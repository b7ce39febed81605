/* The three sockets.
 * Must never block on a send, nor let libzmq drop a message in silence where somebody waits. */
#include "broker/server_sockets.h"

#include <czmq.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "proto/limits.h"

#define ENDPOINT_SIZE 512

/* Only the header counts it as a draft: the library knows it since 4.3.0. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

struct sockets {
    zsock_t *owned[SOCKET_COUNT];
    void *at[SOCKET_COUNT]; /* the same as libzmq knows them */
    struct zap *zap;        /* NULL without CURVE */
    char endpoint[SOCKET_COUNT][ENDPOINT_SIZE];
};

static const char *const names[SOCKET_COUNT] = {"clients", "workers", "events"};

const char *socket_name(enum socket_kind kind)
{
    return names[kind];
}

/* czmq reads limits from ZSYS_* and catches SIGINT and SIGTERM, both unasked. */
static void tame_czmq(void)
{
    char name[64];
    for (size_t i = 0; environ[i];) {
        size_t len = strcspn(environ[i], "=");
        if (strncmp(environ[i], "ZSYS_", 5) != 0 || len >= sizeof name) {
            i++;
            continue;
        }
        memcpy(name, environ[i], len);
        name[len] = '\0';
        unsetenv(name); /* what follows moves up */
    }
    setenv("ZSYS_SIGHANDLER", "false", 1);
    zsys_handler_set(NULL);
}

static void set_router(zsock_t *sock)
{
    zsock_set_router_mandatory(sock, 1);
    zsock_set_sndhwm(sock, SEND_HWM);
    zsock_set_rcvhwm(sock, RECEIVE_HWM);
}

static void set_events(zsock_t *sock)
{
    zsock_set_xpub_verbose(sock, 1);
    zsock_set_sndhwm(sock, EVENTS_HWM);
}

/* Also finds out about peers whose host has vanished: nobody else would tell. */
static void set_common(zsock_t *sock, const char *endpoint)
{
    zsock_set_maxmsgsize(sock, MESSAGE_SIZE_MAX);
    zsock_set_linger(sock, SOCKETS_LINGER_MS);
    zsock_set_backlog(sock, 1024);
    zsock_set_tcp_keepalive(sock, 1);
    zsock_set_tcp_keepalive_idle(sock, 30);
    zsock_set_tcp_keepalive_intvl(sock, 10);
    zsock_set_tcp_keepalive_cnt(sock, 3);
    zsock_set_ipv6(sock, strchr(endpoint, '[') != NULL);
}

/* libzmq lets anybody in where no ZAP handler answers; with the domain enforced it does not. */
static int set_curve(void *socket, enum socket_kind kind, const struct curve_pair *pair)
{
    const int on = 1;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, CURVE_KEY_SIZE) == 0 &&
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, names[kind], strlen(names[kind])) == 0 &&
        zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on) == 0)
        return 0;
    int error = zmq_errno();
    log_error("curve_failed", "CURVE can't be set up: %s",
              error == EINVAL ? "this libzmq is built without it" : zmq_strerror(error));
    return -error;
}

static int check_pair(const struct curve_pair *pair)
{
    char public_key[CURVE_KEY_SIZE];
    if (zmq_curve_public(public_key, pair->secret_key) != 0) {
        log_error("curve_failed", "CURVE can't be set up: %s", zmq_strerror(zmq_errno()));
        return -zmq_errno();
    }
    if (strcmp(public_key, pair->public_key) == 0)
        return 0;
    log_error("curve_failed", "the public key in --curve-key is not that of its secret key");
    return -EINVAL;
}

static int make(struct sockets *sockets, enum socket_kind kind, const char *endpoint,
                const struct curve_pair *pair)
{
    zsock_t *sock = zsock_new(kind == SOCKET_EVENTS ? ZMQ_XPUB : ZMQ_ROUTER);
    if (!sock)
        return -ENOMEM;
    sockets->owned[kind] = sock;
    sockets->at[kind] = zsock_resolve(sock);
    set_common(sock, endpoint);
    if (kind == SOCKET_EVENTS)
        set_events(sock);
    else
        set_router(sock);
    return pair ? set_curve(sockets->at[kind], kind, pair) : 0;
}

/* libzmq would take over the file of a broker that lives. */
static bool ipc_is_served(const char *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = endpoint + strlen("ipc://");
    if (strncmp(endpoint, "ipc://", strlen("ipc://")) != 0 || path[0] != '/' ||
        strlen(path) >= sizeof address.sun_path)
        return false;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool served = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return served;
}

static const char *bind_problem(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "it is in use, perhaps by another broker";
    case EPROTONOSUPPORT:
    case EINVAL:
        return "this is no endpoint; write tcp://ADDRESS:PORT or ipc:///PATH";
    case ENODEV:
    case EADDRNOTAVAIL:
        return "this machine has no such address";
    default:
        return zmq_strerror(error);
    }
}

static int bind_one(struct sockets *sockets, enum socket_kind kind, const char *endpoint)
{
    int error = 0;
    if (ipc_is_served(endpoint))
        error = EADDRINUSE;
    else if (zmq_bind(sockets->at[kind], endpoint) != 0)
        error = zmq_errno();
    if (error != 0) {
        log_error("bind_failed", "the %s endpoint %s can't be bound: %s", names[kind], endpoint,
                  bind_problem(error));
        return -error;
    }
    size_t size = ENDPOINT_SIZE;
    int rc = zmq_getsockopt(sockets->at[kind], ZMQ_LAST_ENDPOINT, sockets->endpoint[kind], &size);
    return rc == 0 ? 0 : -zmq_errno();
}

int sockets_open(const char *const endpoints[SOCKET_COUNT], const struct curve_pair *pair,
                 struct sockets **sockets_out)
{
    tame_czmq();
    struct sockets *sockets = calloc(1, sizeof *sockets);
    int rc = sockets ? 0 : -ENOMEM;
    if (rc == 0 && pair)
        rc = check_pair(pair);
    if (rc == 0 && pair)
        rc = zap_open(&sockets->zap); /* before anybody can ask */
    for (int kind = 0; rc == 0 && kind < SOCKET_COUNT; kind++)
        rc = make(sockets, (enum socket_kind)kind, endpoints[kind], pair);
    for (int kind = 0; rc == 0 && kind < SOCKET_COUNT; kind++)
        rc = bind_one(sockets, (enum socket_kind)kind, endpoints[kind]);
    if (rc < 0)
        sockets_close(&sockets);
    *sockets_out = sockets;
    return rc;
}

const char *sockets_endpoint(const struct sockets *sockets, enum socket_kind kind)
{
    return sockets->endpoint[kind];
}

int sockets_wait(const struct sockets *sockets, int fd, int64_t timeout_ms, bool *fd_ready_out)
{
    zmq_pollitem_t items[SOCKET_COUNT + 2];
    int count = SOCKET_COUNT + 1;
    for (int kind = 0; kind < SOCKET_COUNT; kind++)
        items[kind] = (zmq_pollitem_t){.socket = sockets->at[kind], .events = ZMQ_POLLIN};
    items[SOCKET_COUNT] = (zmq_pollitem_t){.fd = fd, .events = ZMQ_POLLIN};
    if (sockets->zap)
        items[count++] = (zmq_pollitem_t){.socket = zap_socket(sockets->zap), .events = ZMQ_POLLIN};
    int rc = zmq_poll(items, count, timeout_ms < 0 ? -1 : (long)timeout_ms);
    *fd_ready_out = rc > 0 && items[SOCKET_COUNT].revents != 0;
    return rc >= 0 || zmq_errno() == EINTR ? 0 : -zmq_errno();
}

int sockets_admit(struct sockets *sockets, zap_admit *admit, void *arg)
{
    return sockets->zap ? zap_serve(sockets->zap, admit, arg) : 0;
}

/* 1: got it, 0: nothing waits. */
static int receive_frame(void *socket, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
        return 1;
    int error = zmq_errno();
    zmq_msg_close(frame);
    return error == EAGAIN || error == EINTR ? 0 : -error;
}

/* The frames of a message arrive together, so once one is there none of the rest is waited for. */
static bool skip_rest(void *socket, const zmq_msg_t *frame)
{
    zmq_msg_t rest;
    bool more = zmq_msg_more(frame);
    bool any = more;
    while (more && receive_frame(socket, &rest) == 1) {
        more = zmq_msg_more(&rest);
        zmq_msg_close(&rest);
    }
    return any;
}

/* What the connection that a frame came from has proved: our own answer in zap. A routing id does
 * not always carry it (libzmq 4.3.4, after a poll), a body does. */
static void note_key(zmq_msg_t *frame, struct sender *sender)
{
    const char *key = zmq_msg_gets(frame, "User-Id");
    if (key && strlen(key) == CURVE_KEY_LEN)
        memcpy(sender->key, key, CURVE_KEY_SIZE);
}

/* A message without a body counts as one with an empty body. */
static int receive_routed(void *socket, bool curve, struct sender *sender, zmq_msg_t *frame)
{
    zmq_msg_t from;
    int rc = receive_frame(socket, &from);
    if (rc != 1)
        return rc;
    sender->len = zmq_msg_size(&from) <= sizeof sender->at ? zmq_msg_size(&from) : 0;
    if (sender->len > 0)
        memcpy(sender->at, zmq_msg_data(&from), sender->len);
    bool more = zmq_msg_more(&from);
    zmq_msg_close(&from);
    if (!more || receive_frame(socket, frame) != 1)
        zmq_msg_init(frame);
    else if (curve)
        note_key(frame, sender);
    return 1;
}

static int receive_subscription(void *socket, bool curve, struct sender *sender, zmq_msg_t *frame)
{
    int rc = receive_frame(socket, frame);
    if (rc == 1 && curve) {
        note_key(frame, sender);
        sender->fd = zmq_msg_get(frame, ZMQ_SRCFD);
    }
    return rc;
}

int sockets_receive(struct sockets *sockets, enum socket_kind kind, struct sender *sender_out,
                    zmq_msg_t *frame_out)
{
    void *socket = sockets->at[kind];
    bool curve = sockets->zap != NULL;
    sender_out->len = 0;
    sender_out->key[0] = '\0';
    sender_out->fd = -1;
    int rc = kind == SOCKET_EVENTS ? receive_subscription(socket, curve, sender_out, frame_out)
                                   : receive_routed(socket, curve, sender_out, frame_out);
    if (rc == 1)
        sender_out->many_frames = skip_rest(socket, frame_out);
    return rc;
}

/* With MANDATORY, a ROUTER says at the first frame whether a peer can take the whole message. */
static int send_frame(void *socket, struct slice bytes, int flags)
{
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, bytes.len) != 0)
        return -ENOMEM;
    if (bytes.len > 0)
        memcpy(zmq_msg_data(&frame), bytes.at, bytes.len);
    int sent;
    do {
        sent = zmq_msg_send(&frame, socket, flags | ZMQ_DONTWAIT);
    } while (sent < 0 && zmq_errno() == EINTR);
    if (sent >= 0)
        return 0;
    int error = zmq_errno();
    zmq_msg_close(&frame);
    return error == EAGAIN || error == EHOSTUNREACH ? 1 : -error;
}

int sockets_send(struct sockets *sockets, enum socket_kind kind, struct slice head,
                 struct slice frame)
{
    int rc = send_frame(sockets->at[kind], head, ZMQ_SNDMORE);
    return rc == 0 ? send_frame(sockets->at[kind], frame, 0) : rc;
}

void sockets_close(struct sockets **sockets)
{
    if (!*sockets)
        return;
    for (int kind = 0; kind < SOCKET_COUNT; kind++)
        zsock_destroy(&(*sockets)->owned[kind]);
    zap_close(&(*sockets)->zap);
    zsys_shutdown();
    free(*sockets);
    *sockets = NULL;
}
