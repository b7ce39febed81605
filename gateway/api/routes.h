/* The routes of /v1 and their functions; the table is routes.def.
 * Must never have a second list of routes beside it. */
#ifndef REEVE_GATEWAY_API_ROUTES_H
#define REEVE_GATEWAY_API_ROUTES_H

#include "gateway/http/route.h"

extern const struct route_table api_routes;

#define ROUTE(method, pattern, handler, body, query) request_step handler;
#include "gateway/api/routes.def"
#undef ROUTE

#endif
