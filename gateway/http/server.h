/* The HTTP server: libmicrohttpd's epoll threads around an application of two functions.
 *
 * The server owns connections, bodies, deadlines, limits and the access log; what a request means
 * is the application's business. Threads are few and never wait for anything but sockets.
 * Must never know a route, an error shape or the broker. */
#ifndef REEVE_GATEWAY_HTTP_SERVER_H
#define REEVE_GATEWAY_HTTP_SERVER_H

#include "gateway/http/connections.h"
#include "gateway/http/request.h"

struct server;

/* Both run on a server thread. `head`: the request's head is there; routes it, sets body_max and
 * caller, or answers to refuse it (the body is then not kept). `begin`: all is there and `head` did
 * not answer; answers or waits. A body beyond body_max comes to `begin` as too_long, at once where
 * its length was told. */
struct server_app {
    void *arg; /* becomes request->app */
    request_step *head;
    request_step *begin;
};

/* The listening socket is taken over by a start that succeeds. */
struct server_config {
    int listen_fd;
    unsigned threads;
    bool log_access;
    struct server_app app;
    struct connections_config connections;
};

/* 0, -ENOMEM, another -errno. */
int server_start(const struct server_config *config, struct server **server_out);

/* Accepts no more connections; those that are open are closed after their answer. */
void server_quiesce(struct server *server);
/* Requests that are not answered in full. */
size_t server_active(struct server *server);
bool server_is_closing(struct server *server);

/* Ends everything. No request may be waiting: wake them all first. NULL is fine. */
void server_stop(struct server **server);

#endif
