/* The connection: moves frames between the sockets and the session, and answers to callbacks.
 * Must never block, and never call back outside of conn_process and conn_close.
 */
#include "client/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "client/endpoint.h"
#include "client/session.h"
#include "client/sockets.h"

#ifndef REEVE_VERSION
#define REEVE_VERSION "0"
#endif

/* Frames taken from one socket by one conn_process: the other one and time get their turn. */
#define RECEIVE_MAX 1000

/* An open call; the session's tag. Exactly one callback is set. */
struct call {
    struct call *prev, *next;
    conn_callback *callback;
    conn_outcome_callback *outcome;
    void *arg;
};

struct conn {
    struct client_sockets sockets;
    struct client_session *session;
    struct call *calls;
    int fds[CONN_FDS_MAX];

    char broker[ENDPOINT_SIZE];
    char events_given[ENDPOINT_SIZE]; /* by the options; "" = ask welcome */
    bool curve;                       /* whether we may have events at all is said by welcome */
    char events[ENDPOINT_SIZE];       /* connected to; "" = not yet */
    uint64_t welcomes;                /* as many were looked at */
    uint64_t subscriptions;
    conn_event_callback *on_event;
    void *on_event_arg;

    uint64_t reconnect_at; /* mono: libzmq has given up, we have not; UINT64_MAX: it has not */
    bool writable;         /* when last looked, the DEALER would have taken a frame */
    bool inside;           /* conn_process */
    bool closing;          /* conn_close: no new calls */
};

/* --- life ------------------------------------------------------------------------------------- */

static bool fits(const char *text, size_t len_max)
{
    return !text || strlen(text) <= len_max;
}

static bool options_fit(const struct conn_options *options)
{
    return options->broker && options->broker[0] && fits(options->broker, ENDPOINT_LEN_MAX) &&
           fits(options->events, ENDPOINT_LEN_MAX) && fits(options->role, 16) &&
           fits(options->owner, OWNER_LEN_MAX) && fits(options->program, NAME_LEN_MAX);
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text && text[0] ? text : otherwise;
}

static int session_open(const struct conn_options *options, struct client_session **session_out)
{
    uint64_t now = clock_wall_ms();
    bool curve = options->curve && options->curve->on;
    size_t bytes = options->bytes_max ? options->bytes_max : CONN_BYTES_DEFAULT;
    struct client_session_config config = {
        .id = uuid_v7(now, random_u64(), random_u64()),
        .epoch = now,
        .role = text_of(or_else(options->role, curve ? "" : "producer")),
        .owner = text_of(options->owner),
        .program = text_of(or_else(options->program, "libreeve " REEVE_VERSION)),
        .requests_max = options->calls_max ? options->calls_max : CONN_CALLS_DEFAULT,
        .bytes_max = bytes > MESSAGE_SIZE_MAX ? bytes : MESSAGE_SIZE_MAX,
        .always_ping = options->always_ping,
    };
    return client_session_new(&config, session_out);
}

static int open_parts(const struct conn_options *options, struct conn *conn)
{
    memcpy(conn->broker, options->broker, strlen(options->broker));
    if (options->events)
        memcpy(conn->events_given, options->events, strlen(options->events));
    conn->reconnect_at = UINT64_MAX;
    conn->curve = options->curve && options->curve->on;
    int rc = session_open(options, &conn->session);
    if (rc == 0)
        rc = client_sockets_open(conn->broker, options->curve, &conn->sockets);
    if (rc < 0)
        return rc;
    conn->fds[0] = client_socket_fd(conn->sockets.dealer);
    conn->fds[1] = client_socket_fd(conn->sockets.events);
    conn->fds[2] = client_socket_fd(conn->sockets.handshake.monitor);
    for (size_t i = 0; rc == 0 && i < CONN_FDS_MAX; i++)
        rc = conn->fds[i] < 0 ? conn->fds[i] : 0;
    return rc;
}

int conn_open(const struct conn_options *options, struct conn **conn_out)
{
    *conn_out = NULL;
    if (!options_fit(options))
        return -EINVAL;
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return -ENOMEM;
    int rc = open_parts(options, conn);
    if (rc < 0)
        conn_close(&conn);
    *conn_out = conn;
    return rc;
}

static void call_end(struct conn *conn, struct call *call, const struct conn_outcome *outcome)
{
    DL_DELETE(conn->calls, call);
    if (call->outcome)
        call->outcome(call->arg, outcome);
    else
        call->callback(call->arg, outcome->answer, outcome->status);
    free(call);
}

static void send_all(struct conn *conn, uint64_t now_ms);

void conn_close(struct conn **conn_at)
{
    struct conn *conn = *conn_at;
    if (!conn)
        return;
    conn->closing = true;
    if (conn->session && conn->sockets.dealer) {
        client_session_leave(conn->session);
        send_all(conn, clock_mono_ms());
    }
    while (conn->calls)
        call_end(conn, conn->calls, &(struct conn_outcome){.status = -ECONNABORTED});
    client_session_destroy(&conn->session);
    client_sockets_close(&conn->sockets);
    free(conn);
    *conn_at = NULL;
}

size_t conn_fds(const struct conn *conn, int fds_out[CONN_FDS_MAX])
{
    memcpy(fds_out, conn->fds, sizeof conn->fds);
    return CONN_FDS_MAX;
}

/* --- calls ------------------------------------------------------------------------------------ */

static int call_open(struct conn *conn, const struct message *request, uint64_t timeout_ms,
                     const struct call *template)
{
    if (timeout_ms == 0 || timeout_ms > CONN_CALL_MS_MAX)
        return -EINVAL;
    if (conn->closing)
        return -ECONNABORTED;
    struct call *call = malloc(sizeof *call);
    if (!call)
        return -ENOMEM;
    *call = *template;
    uint64_t now_ms = clock_mono_ms();
    int rc = client_session_request(conn->session, now_ms, request, now_ms + timeout_ms, call);
    if (rc < 0)
        free(call);
    else
        DL_APPEND(conn->calls, call);
    return rc;
}

int conn_call(struct conn *conn, const struct message *request, uint64_t timeout_ms,
              conn_callback *callback, void *arg)
{
    const struct call template = {.callback = callback, .arg = arg};
    return call_open(conn, request, timeout_ms, &template);
}

int conn_call_outcome(struct conn *conn, const struct message *request, uint64_t timeout_ms,
                      conn_outcome_callback *callback, void *arg)
{
    const struct call template = {.outcome = callback, .arg = arg};
    return call_open(conn, request, timeout_ms, &template);
}

void conn_abandon(struct conn *conn, const void *arg)
{
    for (struct call *call = conn->calls, *next; call; call = next) {
        next = call->next;
        if (call->arg != arg)
            continue;
        client_session_abandon(conn->session, call);
        DL_DELETE(conn->calls, call);
        free(call);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

void conn_on_event(struct conn *conn, conn_event_callback *callback, void *arg)
{
    conn->on_event = callback;
    conn->on_event_arg = arg;
}

/* Where events come from, as far as it is known yet. */
static int events_endpoint(const struct conn *conn, char out[ENDPOINT_SIZE])
{
    struct text told = client_session_peer(conn->session)->events;
    struct text given = text_of(conn->events_given);
    if (conn->curve && told.len == 0)
        return -EINVAL; /* not known yet, or this key would be refused there */
    return endpoint_of_events(text_of(conn->broker), given.len ? given : told, out);
}

/* Connects the SUB once it is wanted and known where to, and again where a new broker says
 * otherwise. Subscriptions stay with the socket and go out with every connection. */
static int events_connect(struct conn *conn)
{
    char endpoint[ENDPOINT_SIZE] = "";
    if (conn->subscriptions == 0 || events_endpoint(conn, endpoint) < 0 ||
        strcmp(endpoint, conn->events) == 0)
        return 0;
    if (conn->events[0])
        client_socket_disconnect(conn->sockets.events, conn->events);
    conn->events[0] = '\0';
    int rc = client_socket_connect(conn->sockets.events, endpoint);
    if (rc == 0)
        memcpy(conn->events, endpoint, sizeof endpoint);
    return rc;
}

static int subscribe(struct conn *conn, struct slice topic)
{
    int rc = client_socket_subscribe(conn->sockets.events, topic, true);
    if (rc < 0)
        return rc;
    conn->subscriptions++;
    return events_connect(conn);
}

static int unsubscribe(struct conn *conn, struct slice topic)
{
    int rc = client_socket_subscribe(conn->sockets.events, topic, false);
    if (rc == 0)
        conn->subscriptions--;
    return rc;
}

int conn_subscribe(struct conn *conn, const struct uuid *job)
{
    char topic[UUID_TEXT_LEN + 1];
    uuid_format(job, topic);
    return subscribe(conn, text_slice(text_of(topic)));
}

int conn_unsubscribe(struct conn *conn, const struct uuid *job)
{
    char topic[UUID_TEXT_LEN + 1];
    uuid_format(job, topic);
    return unsubscribe(conn, text_slice(text_of(topic)));
}

int conn_subscribe_all(struct conn *conn)
{
    return subscribe(conn, (struct slice){0});
}

int conn_unsubscribe_all(struct conn *conn)
{
    return unsubscribe(conn, (struct slice){0});
}

/* --- handshakes ------------------------------------------------------------------------------- */

/* After a refusal libzmq lets the connection be, and that of the events with it. */
static void reconnect(struct conn *conn)
{
    conn->reconnect_at = UINT64_MAX;
    client_socket_disconnect(conn->sockets.dealer, conn->broker);
    client_socket_connect(conn->sockets.dealer, conn->broker);
    if (conn->events[0])
        client_socket_disconnect(conn->sockets.events, conn->events);
    conn->events[0] = '\0'; /* the next welcome connects it */
}

static void look_at_handshake(struct conn *conn, uint64_t now_ms)
{
    struct handshake *handshake = &conn->sockets.handshake;
    if (now_ms >= conn->reconnect_at)
        reconnect(conn);
    bool failed = handshake_look(handshake) && handshake->state != HANDSHAKE_GOOD;
    if (!failed || (handshake->state == HANDSHAKE_HUNG_UP && !handshake->curve))
        return; /* without keys that may be a proxy whose broker is away: conn_hint */
    client_session_refuse(conn->session, now_ms, WIRE_UNAUTHORIZED, handshake_words(handshake));
    if (handshake->state != HANDSHAKE_HUNG_UP)
        conn->reconnect_at = now_ms + SESSION_HELLO_MAX_MS;
}

/* --- receiving -------------------------------------------------------------------------------- */

static struct slice bytes_of(zmq_msg_t *frame)
{
    return (struct slice){zmq_msg_data(frame), zmq_msg_size(frame)};
}

static void end_call(struct conn *conn, const struct client_session_end *end)
{
    const struct conn_outcome outcome = {end->status, end->answer, end->sends > 1};
    call_end(conn, end->tag, &outcome);
}

static void on_answer_frame(struct conn *conn, struct slice bytes, uint64_t now_ms)
{
    struct message message;
    struct fault fault;
    struct client_session_end end;
    int ended;
    if (message_decode(bytes, &message, &fault) == 0)
        ended = client_session_receive(conn->session, now_ms, &message, &end);
    else
        ended = client_session_receive_bad(conn->session, now_ms, message.envelope.request, &end);
    if (ended)
        end_call(conn, &end);
}

static void on_event_frame(struct conn *conn, struct slice bytes)
{
    struct message message;
    struct fault fault;
    if (!conn->on_event || message_decode(bytes, &message, &fault) != 0)
        return;
    if (message.id == MSG_EVENT_IS || message.id == MSG_STANDING_IS)
        conn->on_event(conn->on_event_arg, &message);
}

/* Takes the frames of one message and uses its last one: an answer has no other, an event has its
 * topic before it. */
static int receive_one(struct conn *conn, void *socket, uint64_t now_ms)
{
    zmq_msg_t frame;
    bool more;
    int rc;
    zmq_msg_init(&frame);
    do
        rc = client_socket_receive(socket, &frame, &more);
    while (rc == 0 && more);
    if (rc == 0 && socket == conn->sockets.dealer)
        on_answer_frame(conn, bytes_of(&frame), now_ms);
    else if (rc == 0)
        on_event_frame(conn, bytes_of(&frame));
    zmq_msg_close(&frame);
    return rc;
}

static int receive_some(struct conn *conn, void *socket, uint64_t now_ms)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < RECEIVE_MAX; i++)
        rc = receive_one(conn, socket, now_ms);
    return rc == -EAGAIN ? 0 : rc;
}

/* --- the turn --------------------------------------------------------------------------------- */

static void send_all(struct conn *conn, uint64_t now_ms)
{
    struct slice frame;
    while (client_session_next_send(conn->session, &frame)) {
        int rc = client_socket_send(conn->sockets.dealer, frame);
        conn->writable = rc == 0;
        if (rc < 0)
            return;
        client_session_sent(conn->session, now_ms);
    }
}

static void end_overdue(struct conn *conn, uint64_t now_ms)
{
    struct client_session_end end;
    while (client_session_next_ended(conn->session, now_ms, &end))
        end_call(conn, &end);
}

static int turn(struct conn *conn, uint64_t now_ms)
{
    int rc = receive_some(conn, conn->sockets.dealer, now_ms);
    if (rc == 0)
        rc = receive_some(conn, conn->sockets.events, now_ms);
    if (rc < 0)
        return rc;
    look_at_handshake(conn, now_ms);
    client_session_tick(conn->session, now_ms);
    end_overdue(conn, now_ms);
    send_all(conn, now_ms);
    if (conn->welcomes == client_session_peer(conn->session)->welcomes)
        return 0;
    conn->welcomes = client_session_peer(conn->session)->welcomes;
    events_connect(conn); /* an endpoint that makes no sense is asked for again with the next one */
    return 0;
}

int conn_process(struct conn *conn, uint64_t now_mono_ms)
{
    CHECK(!conn->inside);
    conn->inside = true;
    int rc = turn(conn, now_mono_ms);
    conn->inside = false;
    return rc;
}

uint64_t conn_next_deadline(struct conn *conn)
{
    struct slice frame;
    int dealer = client_socket_events(conn->sockets.dealer);
    int events = client_socket_events(conn->sockets.events);
    int monitor = client_socket_events(conn->sockets.handshake.monitor);
    conn->writable = (dealer & ZMQ_POLLOUT) != 0;
    if ((dealer | events | monitor) & ZMQ_POLLIN)
        return 0;
    if (conn->writable && client_session_next_send(conn->session, &frame))
        return 0;
    uint64_t deadline = client_session_next_deadline(conn->session);
    return deadline < conn->reconnect_at ? deadline : conn->reconnect_at;
}

/* --- questions -------------------------------------------------------------------------------- */

bool conn_is_up(const struct conn *conn)
{
    return client_session_is_up(conn->session) && conn->writable;
}

bool conn_is_blind(const struct conn *conn)
{
    bool told = client_session_peer(conn->session)->events.len > 0;
    bool given = conn->events_given[0] != '\0' && !conn->curve;
    return client_session_is_up(conn->session) && !told && !given;
}

struct conn_limits conn_limits(const struct conn *conn)
{
    const struct client_session_peer *peer = client_session_peer(conn->session);
    return (struct conn_limits){peer->message_size_max, peer->params_size_max,
                                peer->batch_jobs_max};
}

const char *conn_hint(const struct conn *conn)
{
    return handshake_words(&conn->sockets.handshake);
}

const struct fault *conn_refusal(const struct conn *conn)
{
    return client_session_refusal(conn->session);
}
