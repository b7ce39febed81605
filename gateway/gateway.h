/* The parts of a running gateway, as every handler finds them in request->app.
 * Must never hold anything of a single request. */
#ifndef REEVE_GATEWAY_GATEWAY_H
#define REEVE_GATEWAY_GATEWAY_H

#include "gateway/auth/auth.h"
#include "gateway/http/listen.h"
#include "gateway/options.h"

/* Everything is set before the server starts and stays as it is until it has stopped. */
struct gateway {
    struct options options;
    struct auth auth;
    struct listening listening;
    struct link *link;
    struct follows *follows;
    struct server *server;
    int signal_fd;
};

#endif
