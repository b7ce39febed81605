/* One HTTP request and the answer it gets: what handlers work with.
 *
 * A handler runs on one of the server's threads, and so does everything it continues with; it must
 * answer (respond_…) or wait (request_wait), and never block. While it waits no thread is bound:
 * the connection sleeps until somebody, on any thread, calls request_wake; then the step it named
 * runs, again on its server thread. So a request needs no lock: whoever wakes it must be done with
 * it. Must never know a route or the broker. */
#ifndef REEVE_GATEWAY_HTTP_REQUEST_H
#define REEVE_GATEWAY_HTTP_REQUEST_H

#include <stdatomic.h>

#include "base/buf.h"
#include "gateway/http/route.h"
#include "gateway/http/target.h"
#include "gateway/http/trace.h"

struct server;
struct connection;
struct outflow;
struct MHD_Connection;

/* On whose behalf the request is. Texts live as long as the request. */
struct caller {
    struct text owner;
    bool admin;
};

/* The answer while it is made. */
struct response {
    unsigned status; /* 0: there is none yet */
    const char *content_type;
    struct buf body;
    struct buf headers;      /* name NUL value NUL, again and again */
    struct outflow *outflow; /* instead of `body` */
};

struct request {
    enum http_method method;
    struct target target;
    struct route_match match;
    struct trace trace;
    struct caller caller;
    struct buf body;
    struct response response;
    size_t body_max; /* longer bodies are refused */
    void *app;       /* the program's, as the server was given it */
    void *context;   /* a handler's own, ended by context_free with the request */
    void (*context_free)(void *context);

    const char *problem; /* what is wrong with the target, or NULL */
    bool target_too_long;
    bool too_long; /* the body is beyond body_max; it was not kept */
    bool crowded;  /* came on a connection beyond the limits */

    /* The server's. */
    struct server *server;
    struct MHD_Connection *mhd;
    struct connection *connection;
    request_step *then;
    uint64_t started_us;
    uint64_t body_len; /* as it came, kept or not */
    char method_word[16];
    bool headed, begun;
    atomic_bool woken; /* hands the request back to its server thread */
    char raw[]; /* what target points into */
};

/* A header's value, empty where it was not sent. Borrowed from the connection; only on a server
 * thread. */
struct text request_header(const struct request *request, const char *name);

/* Puts the request to sleep; `then` runs after request_wake. Exactly one wake for every wait, which
 * may come before the caller has even returned. Handlers return after it. */
void request_wait(struct request *request, request_step *then);
void request_wake(struct request *request);

/* The answer. `body` is taken over and empty afterwards; NULL or empty: no body. */
void respond(struct request *request, unsigned status, const char *content_type, struct buf *body);
void respond_json(struct request *request, unsigned status, struct buf *body);
/* An answer that goes on: the client is the outflow's reader, with a reference of its own. */
void respond_outflow(struct request *request, struct outflow *outflow);

/* Adds a header, before or after respond. Out of memory: the header is missing. */
void response_header(struct request *request, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes the answer back, headers too, to give another one. */
void response_reset(struct request *request);

#endif
