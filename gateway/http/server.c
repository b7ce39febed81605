/* The HTTP server: libmicrohttpd's callbacks, made into requests.
 * Must never block a server thread, nor touch a request after it has completed. */
#include "gateway/http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/http/access_log.h"
#include "gateway/http/outflow.h"

enum {
    MEMORY_PER_CONNECTION = 16 * 1024, /* bounds the head of a request; all of it gets touched */
    MEMORY_STEP = 4 * 1024,
    CROWD_ROOM = 64,         /* connections beyond the limit, which are told so */
    SWALLOW_MAX = 64 * 1024, /* of a refused request, so that its connection can be kept */
    BODY_EXCESS_MAX = 1024 * 1024
};

struct server {
    struct server_config config;
    struct MHD_Daemon *daemon;
    struct connections *connections;
    atomic_size_t active;
    atomic_bool closing;
};

/* --- one request's life ----------------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static int fd_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* The request line is there. What is returned becomes *con_cls of all later calls. */
static void *on_target(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    struct server *server = arg;
    size_t len = strlen(uri);
    size_t kept = len < TARGET_LEN_MAX ? len : TARGET_LEN_MAX;
    struct request *request = calloc(1, sizeof *request + 2 * kept + 1);
    struct connection *connection = connection_of(mhd);
    if (!request || !connection) {
        free(request);
        return NULL;
    }
    atomic_fetch_add(&server->active, 1);
    request->server = server;
    request->app = server->config.app.arg;
    request->mhd = mhd;
    request->connection = connection;
    request->started_us = clock_mono_us();
    memcpy(request->raw, uri, kept);
    target_parse(request->raw, kept, &request->target, &request->problem);
    request->target_too_long = kept < len;
    if (request->target_too_long)
        request->problem = "the target is too long";
    connection_enter(server->connections, connection, PHASE_HEAD);
    return request;
}

static void log_request(const struct request *request, bool complete)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    struct access_entry entry = {
        .address = connection_address(request->connection),
        .method = request->method_word,
        .path = request->target.path,
        .status = info ? info->http_status : 0,
        .complete = complete,
        .body_len = request->body_len,
        .duration_us = clock_mono_us() - request->started_us,
        .trace_id = trace_id(&request->trace),
        .request_id = text_of(request->trace.request_id),
        .owner = request->caller.owner,
    };
    access_log(&entry);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct server *server = arg;
    struct request *request = *context;
    (void)mhd;
    if (!request)
        return;
    *context = NULL;
    if (server->config.log_access)
        log_request(request, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    connection_enter(server->connections, request->connection, PHASE_IDLE);
    response_reset(request);
    if (request->context_free)
        request->context_free(request->context);
    buf_fini(&request->body);
    free(request);
    atomic_fetch_sub(&server->active, 1);
}

/* --- answering -------------------------------------------------------------------------------- */

static struct MHD_Response *make_response(struct request *request)
{
    struct response *response = &request->response;
    struct MHD_Response *made;
    if (response->outflow) {
        made = outflow_response(response->outflow, request->mhd, fd_of(request->mhd));
        if (made) {
            connection_stream(request->server->connections, request->connection, response->outflow);
            response->outflow = NULL; /* the response's now */
        }
        return made;
    }
    made = MHD_create_response_from_buffer(response->body.len, response->body.at,
                                           MHD_RESPMEM_MUST_FREE);
    if (made)
        response->body = (struct buf){0};
    connection_enter(request->server->connections, request->connection, PHASE_REPLY);
    return made;
}

static void add_headers(struct MHD_Response *made, const struct request *request)
{
    const struct response *response = &request->response;
    const char *at = (const char *)response->headers.at;
    const char *end = at + response->headers.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        MHD_add_response_header(made, at, value);
        at = value + strlen(value) + 1;
    }
    if (response->content_type)
        MHD_add_response_header(made, "Content-Type", response->content_type);
    MHD_add_response_header(made, "Cache-Control", "private, no-cache");
    MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(made, "Server", "reeve");
    MHD_add_response_header(made, "X-Request-ID", request->trace.request_id);
    MHD_add_response_header(made, "traceparent", request->trace.traceparent);
    if (server_is_closing(request->server) || request->crowded)
        MHD_add_response_header(made, "Connection", "close");
}

static enum MHD_Result answer(struct request *request)
{
    struct MHD_Response *made = make_response(request);
    if (!made)
        return MHD_NO;
    add_headers(made, request);
    enum MHD_Result result = MHD_queue_response(request->mhd, request->response.status, made);
    MHD_destroy_response(made);
    return result;
}

/* Before its body has come in: the connection can't be kept. */
static enum MHD_Result answer_early(struct request *request)
{
    connection_linger(request->server->connections, request->connection);
    return answer(request);
}

/* --- taking a request in ---------------------------------------------------------------------- */

/* What Content-Length says; UINT64_MAX for a body in chunks, 0 for none. The header was checked. */
static uint64_t announced_len(const struct request *request)
{
    if (request_header(request, "Transfer-Encoding").len > 0)
        return UINT64_MAX;
    struct text length = request_header(request, "Content-Length");
    return length.len ? strtoull(length.at, NULL, 10) : 0;
}

static void take_head(struct request *request, const char *method)
{
    uint8_t random[TRACE_RANDOM_SIZE];
    random_bytes(random, sizeof random);
    request->headed = true;
    request->method = method_of(method);
    snprintf(request->method_word, sizeof request->method_word, "%s", method);
    request->crowded = connection_crowd(request->connection) != CROWD_NONE;
    trace_take(request_header(request, "traceparent"), request_header(request, "X-Request-ID"),
               random, &request->trace);
}

/* Many clients send head and body apart and wait, by Nagle's rule, for the head's ACK, which the
 * kernel would hold back for 40 ms. */
static void acknowledge_head(struct request *request)
{
    int one = 1;
    setsockopt(fd_of(request->mhd), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

/* The head is complete. Refusing at once spares both sides a long body; a short one is swallowed,
 * because that keeps the connection. */
static enum MHD_Result on_head(struct request *request, const char *method)
{
    struct server *server = request->server;
    take_head(request, method);
    server->config.app.head(request);
    uint64_t len = announced_len(request);
    bool expects = request_header(request, "Expect").len > 0;
    if (request->response.status == 0 && len != UINT64_MAX && len > request->body_max) {
        request->too_long = true;
        server->config.app.begin(request);
    }
    connection_enter(server->connections, request->connection, PHASE_BODY);
    bool refused = request->response.status != 0;
    if (refused && len > 0 && (len > SWALLOW_MAX || expects))
        return answer_early(request);
    if (len > 0)
        acknowledge_head(request);
    return MHD_YES;
}

static enum MHD_Result on_body(struct request *request, const char *data, size_t *len)
{
    size_t taken = *len;
    *len = 0;
    request->body_len += taken;
    if (request->body_len > request->body_max)
        request->too_long = true;
    if (request->too_long || request->response.status != 0) {
        buf_fini(&request->body);
        bool bearable = request->body_len <= request->body_max + BODY_EXCESS_MAX;
        return bearable ? MHD_YES : MHD_NO;
    }
    return buf_append(&request->body, data, taken) == 0 ? MHD_YES : MHD_NO;
}

/* All is there, or a request that waited was woken. Waiting shows in `then`, which only this
 * thread changes: another one may have woken the request already. */
static enum MHD_Result on_whole(struct request *request)
{
    struct server *server = request->server;
    request_step *then = request->then;
    request->then = NULL;
    if (then) {
        CHECK(atomic_exchange_explicit(&request->woken, false, memory_order_acquire));
        then(request);
    } else if (!request->begun) {
        request->begun = true;
        connection_enter(server->connections, request->connection, PHASE_WORK);
        if (request->response.status == 0)
            server->config.app.begin(request);
    }
    if (request->then)
        return MHD_YES;
    CHECK(request->response.status != 0);
    return answer(request);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **context)
{
    struct request *request = *context;
    (void)arg, (void)mhd, (void)url, (void)version;
    if (!request)
        return MHD_NO;
    if (!request->headed)
        return on_head(request, method);
    if (*len > 0)
        return on_body(request, data, len);
    return on_whole(request);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *server = arg;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_closed(server->connections, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *context = connection_opened(server->connections, fd_of(mhd), info->client_addr);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *fmt, va_list args)
{
    char line[512];
    (void)arg;
    if (!log_wants(LOG_LEVEL_DEBUG))
        return;
    int len = vsnprintf(line, sizeof line, fmt, args);
    while (len > 0 && len < (int)sizeof line && line[len - 1] == '\n')
        line[--len] = '\0';
    log_debug("microhttpd", "%s", line);
}

/* --- starting and stopping -------------------------------------------------------------------- */

/* Inactivity is libmicrohttpd's business; the absolute deadlines are shorter. */
static unsigned inactivity_s(const struct connections_config *config)
{
    uint64_t longest = 0;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        longest = config->patience_ms[i] > longest ? config->patience_ms[i] : longest;
    return (unsigned)(longest / 1000) + 5;
}

static struct MHD_Daemon *start_daemon(struct server *server)
{
    const struct server_config *config = &server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    unsigned room = (unsigned)(config->connections.count_max + CROWD_ROOM) * config->threads;
    unsigned threads = config->threads > 1 ? config->threads : 0;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, config->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        room, MHD_OPTION_CONNECTION_TIMEOUT, inactivity_s(&config->connections),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)MEMORY_STEP, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_END);
}

int server_start(const struct server_config *config, struct server **server_out)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return -ENOMEM;
    server->config = *config;
    int rc = connections_new(&config->connections, &server->connections);
    if (rc == 0) {
        errno = 0;
        server->daemon = start_daemon(server);
        if (!server->daemon)
            rc = errno ? -errno : -ENOMEM;
    }
    if (rc < 0) {
        connections_destroy(&server->connections);
        free(server);
        return rc;
    }
    *server_out = server;
    return 0;
}

void server_quiesce(struct server *server)
{
    atomic_store(&server->closing, true);
    int fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
}

size_t server_active(struct server *server)
{
    return atomic_load(&server->active);
}

bool server_is_closing(struct server *server)
{
    return atomic_load(&server->closing);
}

void server_stop(struct server **server_out)
{
    struct server *server = *server_out;
    if (!server)
        return;
    if (!server_is_closing(server))
        server_quiesce(server);
    MHD_stop_daemon(server->daemon);
    connections_destroy(&server->connections);
    free(server);
    *server_out = NULL;
}
