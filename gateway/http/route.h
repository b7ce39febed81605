/* Finding the function for a method and a path, in a table of routes.
 *
 * A pattern's parts are literal or `{name}`, which takes any one non-empty segment. The first row
 * whose pattern and method fit wins, so literal rows stand before those with names.
 * Must never look at anything but method and path. Pure. */
#ifndef REEVE_GATEWAY_HTTP_ROUTE_H
#define REEVE_GATEWAY_HTTP_ROUTE_H

#include "gateway/http/query.h"
#include "gateway/http/target.h"

struct request;

/* HEAD is GET without the body; the server answers OPTIONS from the table. */
#define HTTP_METHODS(M) M(GET) M(POST) M(PUT) M(PATCH) M(DELETE) M(HEAD) M(OPTIONS)

enum http_method {
#define METHOD(name) METHOD_##name,
    HTTP_METHODS(METHOD)
#undef METHOD
        METHOD_OTHER
};

enum { ROUTE_ARGS_MAX = 4 };

/* What a request may carry. */
enum route_body {
    BODY_NONE,     /* nothing; an empty body is fine */
    BODY_OPTIONAL, /* JSON, or nothing */
    BODY_REQUIRED  /* JSON */
};

typedef void request_step(struct request *request);

struct route {
    enum http_method method;
    const char *pattern;
    request_step *handler;
    enum route_body body;
    struct query_table query;
};

struct route_table {
    const struct route *routes;
    size_t count;
};

struct route_match {
    const struct route *route;
    size_t arg_count;
    struct text args[ROUTE_ARGS_MAX]; /* what stood for the names, in order */
    unsigned allowed;                 /* methods this path has: 1 << METHOD_… */
};

enum route_verdict { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

enum route_verdict route_find(const struct route_table *table, enum http_method method,
                              const struct target *target, struct route_match *match_out);

enum http_method method_of(const char *word);

/* "GET, HEAD, DELETE, OPTIONS" for a mask of methods: HEAD comes with GET, OPTIONS always. */
#define ALLOW_SIZE 64
void route_allow(unsigned allowed, char out[ALLOW_SIZE]);

#endif
