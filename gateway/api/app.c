/* From a request's head to the handler of its route.
 * Must never let a request reach a handler that its route's row does not allow. */
#include "gateway/api/app.h"

#include <stdio.h>
#include <strings.h>

#include "gateway/api/cors.h"
#include "gateway/api/error.h"
#include "gateway/api/routes.h"
#include "gateway/gateway.h"

enum { BODY_UNWANTED_MAX = 64 * 1024 }; /* where no body belongs */

/* --- the head --------------------------------------------------------------------------------- */

static void refuse_crowd(struct request *request)
{
    api_retry_after(request, 1000);
    if (connection_crowd(request->connection) == CROWD_ADDRESS)
        api_fail(request, WIRE_RATE_LIMITED, NULL, "too many connections from this address");
    else
        api_fail(request, WIRE_UNAVAILABLE, NULL, "too many connections");
}

static void answer_options(struct request *request)
{
    char allow[ALLOW_SIZE];
    const struct gateway *gateway = request->app;
    route_allow(request->match.allowed, allow);
    response_header(request, "Allow", "%s", allow);
    cors_preflight(&gateway->auth, request, allow);
    respond(request, 204, NULL, NULL);
}

static void refuse_method(struct request *request)
{
    char allow[ALLOW_SIZE];
    route_allow(request->match.allowed, allow);
    response_header(request, "Allow", "%s", allow);
    api_fail_http(request, 405, "%s is not for this path; it takes %s", request->method_word,
                  allow);
}

/* 0: the route is known, and the parameters are its own. */
static int find_route(struct request *request)
{
    struct fault fault;
    switch (route_find(&api_routes, request->method, &request->target, &request->match)) {
    case ROUTE_NO_PATH:
        api_fail(request, WIRE_NOT_FOUND, NULL, "there is nothing at this path");
        return 1;
    case ROUTE_NO_METHOD:
        if (request->method == METHOD_OPTIONS)
            answer_options(request);
        else
            refuse_method(request);
        return 1;
    case ROUTE_FOUND:
        break;
    }
    if (query_check(&request->target, &request->match.route->query, &fault) == 0)
        return 0;
    api_fault(request, &fault);
    return 1;
}

/* Where what is wrong is in the target itself. */
static int check_target(struct request *request)
{
    if (!request->problem)
        return 0;
    if (request->target_too_long)
        api_fail_http(request, 414, "%s", request->problem);
    else
        api_fail(request, WIRE_INVALID_REQUEST, NULL, "%s", request->problem);
    return 1;
}

static void head(struct request *request)
{
    const struct gateway *gateway = request->app;
    struct fault fault;
    request->body_max = BODY_UNWANTED_MAX;
    cors_answer(&gateway->auth, request);
    if (request->crowded) {
        refuse_crowd(request);
        return;
    }
    if (check_target(request) != 0)
        return;
    if (auth_admit(&gateway->auth, request, &fault) != 0) {
        api_fault(request, &fault);
        return;
    }
    if (find_route(request) == 0 && request->match.route->body != BODY_NONE)
        request->body_max = gateway->options.body_max;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* "application/json", whatever follows a semicolon. */
static bool is_json(struct text type)
{
    static const char json[] = "application/json";
    size_t len = sizeof json - 1;
    if (type.len < len || strncasecmp(type.at, json, len) != 0)
        return false;
    for (; len < type.len && (type.at[len] == ' ' || type.at[len] == '\t'); len++)
        ;
    return len == type.len || type.at[len] == ';';
}

/* 0: the body is what the route's row wants. */
static int check_body(struct request *request)
{
    enum route_body wanted = request->match.route->body;
    bool empty = request->body.len == 0;
    if (wanted == BODY_NONE && !empty) {
        api_fail(request, WIRE_INVALID_REQUEST, NULL, "no body belongs here");
        return 1;
    }
    if (empty && wanted == BODY_REQUIRED) {
        api_fail(request, WIRE_INVALID_REQUEST, NULL, "expected a body of JSON");
        return 1;
    }
    if (!empty && !is_json(request_header(request, "Content-Type"))) {
        api_fail_http(request, 415, "Content-Type: expected application/json");
        return 1;
    }
    return 0;
}

static void begin(struct request *request)
{
    if (request->too_long)
        api_fail(request, WIRE_PAYLOAD_TOO_LARGE, NULL, "the body is longer than %zu bytes",
                 request->body_max);
    else if (check_body(request) == 0)
        request->match.route->handler(request);
}

struct server_app api_app(struct gateway *gateway)
{
    return (struct server_app){gateway, head, begin};
}
