/* The application that the server runs: from a request's head to the handler of its route, with
 * everything that is the same for all routes in between.
 * Must never know what a handler does. */
#ifndef REEVE_GATEWAY_API_APP_H
#define REEVE_GATEWAY_API_APP_H

#include "gateway/http/server.h"

struct gateway;

struct server_app api_app(struct gateway *gateway);

#endif
