/* The session with the broker: greetings, open requests, resends, pings and timeouts.
 * Must never touch a socket, a clock, a thread or a source of randomness.
 */
#include "client/session.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "client/requests.h"

#define NEVER UINT64_MAX

enum phase {
    PHASE_GREETING, /* hello is due at hello_at; nothing else goes out */
    PHASE_UP,
    PHASE_REFUSED, /* as greeting, but open requests end */
    PHASE_LEAVING, /* bye is to be sent */
    PHASE_LEFT
};

enum sending { SENDING_NOTHING, SENDING_HELLO, SENDING_PING, SENDING_BYE, SENDING_REQUEST };

struct client_session {
    struct client_session_config config; /* its texts point into `texts` */
    struct buf texts;
    enum phase phase;
    struct client_requests requests;
    uint64_t now_ms; /* the latest that was told */

    uint64_t hello_at;      /* when the next hello is due */
    uint64_t hello_wait_ms; /* and how long after it the next one */
    uint64_t hello_number;
    uint64_t ping_at; /* when the next ping becomes due */
    bool ping_due;
    uint64_t ping_number, ping_sent_ms; /* of the last ping */
    uint64_t wanted_at; /* since when something is wanted and nothing heard; NEVER: it is not */

    enum sending sending; /* what client_session_next_send gave last */
    struct buf control;   /* hello, ping or bye as a frame */

    struct client_session_peer peer;
    struct buf events; /* peer.events */
    struct fault refusal;
};

static bool pinging(const struct client_session *session)
{
    return session->phase == PHASE_UP &&
           (session->requests.count > 0 || session->config.always_ping);
}

static bool greeting(const struct client_session *session)
{
    return session->phase == PHASE_GREETING || session->phase == PHASE_REFUSED;
}

/* --- life ------------------------------------------------------------------------------------- */

static int config_copy(struct client_session *session, const struct client_session_config *config)
{
    session->config = *config;
    struct text *const kept[] = {&session->config.role, &session->config.owner,
                                 &session->config.program};
    for (size_t i = 0; i < 3; i++) {
        int rc = buf_append_text(&session->texts, *kept[i]);
        if (rc < 0)
            return rc;
    }
    const char *at = (const char *)session->texts.at;
    for (size_t i = 0; i < 3; i++) {
        kept[i]->at = at;
        at = at ? at + kept[i]->len : NULL;
    }
    return 0;
}

int client_session_new(const struct client_session_config *config,
                       struct client_session **session_out)
{
    struct client_session *session = calloc(1, sizeof *session);
    *session_out = NULL;
    if (!session)
        return -ENOMEM;
    session->phase = PHASE_GREETING;
    session->hello_wait_ms = SESSION_HELLO_MS;
    session->ping_at = NEVER;
    session->wanted_at = NEVER;
    session->peer = (struct client_session_peer){.message_size_max = MESSAGE_SIZE_MAX,
                                                 .params_size_max = PARAMS_SIZE_MAX,
                                                 .batch_jobs_max = BATCH_JOBS_MAX};
    int rc = client_requests_init(&session->requests, config->requests_max, config->bytes_max);
    if (rc == 0)
        rc = config_copy(session, config);
    if (rc < 0)
        client_session_destroy(&session);
    *session_out = session;
    return rc;
}

void client_session_destroy(struct client_session **session_at)
{
    struct client_session *session = *session_at;
    if (!session)
        return;
    client_requests_fini(&session->requests);
    buf_fini(&session->texts);
    buf_fini(&session->control);
    buf_fini(&session->events);
    free(session);
    *session_at = NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Takes a request out for good. What client_session_next_send gave may be gone with it. */
static void end_request(struct client_session *session, struct client_request *request, int status,
                        struct client_session_end *end_out)
{
    *end_out = (struct client_session_end){request->tag, status, NULL, request->sends};
    if (session->sending == SENDING_REQUEST)
        session->sending = SENDING_NOTHING;
    client_requests_remove(&session->requests, request);
    if (session->phase == PHASE_UP && !pinging(session)) {
        session->ping_due = false;
        session->wanted_at = NEVER;
    }
}

int client_session_request(struct client_session *session, uint64_t now_ms,
                           const struct message *message, uint64_t deadline_ms, void *tag)
{
    bool was_pinging = pinging(session);
    session->now_ms = now_ms;
    int rc = client_requests_add(&session->requests, message, deadline_ms,
                                 session->peer.message_size_max, tag);
    if (rc < 0)
        return rc;
    if (!was_pinging && pinging(session))
        session->ping_at = now_ms + SESSION_PING_MS;
    if (session->wanted_at == NEVER)
        session->wanted_at = now_ms;
    return 0;
}

void client_session_abandon(struct client_session *session, const void *tag)
{
    struct client_session_end end;
    for (struct client_request *request = session->requests.head, *next; request; request = next) {
        next = request->next;
        if (request->tag == tag)
            end_request(session, request, 0, &end);
    }
}

int client_session_take(struct client_session *session, void **tag_out)
{
    struct client_session_end end;
    if (!session->requests.head)
        return 0;
    end_request(session, session->requests.head, 0, &end);
    *tag_out = end.tag;
    return 1;
}

/* --- what comes from the broker --------------------------------------------------------------- */

/* Back to greeting; everything that is out will go out again after the welcome. */
static void greet(struct client_session *session, uint64_t now_ms)
{
    session->phase = PHASE_GREETING;
    session->hello_at = now_ms;
    session->hello_wait_ms = SESSION_HELLO_MS;
    session->ping_due = false;
    session->sending = SENDING_NOTHING;
}

/* Numbers that are absent leave the protocol's own bounds. */
static void learn_peer(struct client_session *session, const struct msg_welcome *welcome)
{
    struct client_session_peer *peer = &session->peer;
    if (welcome->message_size_max > 0 && welcome->message_size_max < MESSAGE_SIZE_MAX)
        peer->message_size_max = welcome->message_size_max;
    if (welcome->params_size_max > 0)
        peer->params_size_max = welcome->params_size_max;
    if (welcome->batch_jobs_max > 0 && welcome->batch_jobs_max < BATCH_JOBS_MAX)
        peer->batch_jobs_max = welcome->batch_jobs_max;
    buf_clear(&session->events);
    bool kept = buf_append_text(&session->events, welcome->events) == 0;
    peer->events = kept ? buf_text(&session->events) : (struct text){0};
}

static void on_welcome(struct client_session *session, const struct msg_welcome *welcome)
{
    learn_peer(session, welcome);
    if (!greeting(session))
        return;
    session->phase = PHASE_UP;
    session->peer.welcomes++;
    session->refusal = (struct fault){0};
    session->hello_wait_ms = SESSION_HELLO_MS;
    session->sending = SENDING_NOTHING;
    client_requests_rewind(&session->requests);
    session->ping_at = session->now_ms + SESSION_PING_MS;
    session->wanted_at = session->requests.count > 0 ? session->now_ms : NEVER;
}

/* A pong for the last ping: a request that went out before it and is not answered was lost on the
 * way, or its answer was, if it is old enough not to be just slow. */
static void on_pong(struct client_session *session, uint64_t number)
{
    struct client_requests *requests = &session->requests;
    if (number != session->ping_number)
        return;
    for (struct client_request *request = requests->head, *next;
         request && request != requests->unsent; request = next) {
        next = request->next;
        if (request->sent_ms < session->ping_sent_ms &&
            request->sent_ms + SESSION_RESEND_MS <= session->now_ms)
            client_requests_again(requests, request);
    }
}

/* Errors that will not go away by asking again. */
static bool is_refusal(enum wire_error error)
{
    return error == WIRE_UNSUPPORTED_VERSION || error == WIRE_UNAUTHORIZED ||
           error == WIRE_FORBIDDEN || error == WIRE_INVALID_REQUEST ||
           error == WIRE_UNKNOWN_MESSAGE;
}

/* The answer to hello is no: for good (it is tried again all the same, but seldom), or for now. */
static void on_hello_error(struct client_session *session, const struct msg_error *error)
{
    enum wire_error code = wire_error_of(error->code);
    if (!greeting(session))
        return;
    session->hello_at = session->now_ms + session->hello_wait_ms;
    if (!is_refusal(code))
        return;
    session->phase = PHASE_REFUSED;
    session->hello_wait_ms = SESSION_HELLO_MAX_MS;
    session->hello_at = session->now_ms + SESSION_HELLO_MAX_MS;
    fault_set(&session->refusal, code, "", "%.*s", (int)error->message.len, error->message.at);
}

static int on_answer(struct client_session *session, const struct message *message,
                     struct client_session_end *end_out)
{
    struct client_request *request =
        client_requests_find(&session->requests, message->envelope.request);
    if (!request)
        return 0;
    end_request(session, request, 0, end_out);
    end_out->answer = message;
    return 1;
}

/* The copy of a request that is answered so had no effect: it does not count as sent. */
static void on_unknown_session(struct client_session *session, uint64_t number)
{
    struct client_request *request = client_requests_find(&session->requests, number);
    if (request && request->sends > 0)
        request->sends--;
    if (session->phase == PHASE_UP)
        greet(session, session->now_ms);
}

static int on_error(struct client_session *session, const struct message *message,
                    struct client_session_end *end_out)
{
    enum wire_error code = wire_error_of(message->error.code);
    if (code == WIRE_UNKNOWN_SESSION) {
        on_unknown_session(session, message->envelope.request);
        return 0;
    }
    if (message->envelope.request != 0 && message->envelope.request == session->hello_number) {
        on_hello_error(session, &message->error);
        return 0;
    }
    if (code == WIRE_UNAUTHORIZED && session->phase == PHASE_UP)
        greet(session, session->now_ms); /* our key may be off the list: hello will tell */
    return on_answer(session, message, end_out);
}

int client_session_receive(struct client_session *session, uint64_t now_ms,
                           const struct message *message, struct client_session_end *end_out)
{
    session->now_ms = now_ms;
    session->wanted_at = NEVER;
    switch (message->id) {
    case MSG_WELCOME:
        on_welcome(session, &message->welcome);
        return 0;
    case MSG_PONG:
        on_pong(session, message->envelope.request);
        return 0;
    case MSG_ERROR:
        return on_error(session, message, end_out);
    default:
        return on_answer(session, message, end_out);
    }
}

int client_session_receive_bad(struct client_session *session, uint64_t now_ms, uint64_t request,
                               struct client_session_end *end_out)
{
    struct client_request *found = client_requests_find(&session->requests, request);
    session->now_ms = now_ms;
    session->wanted_at = NEVER;
    if (!found)
        return 0;
    end_request(session, found, -EPROTO, end_out);
    return 1;
}

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t silence_at(const struct client_session *session)
{
    bool waiting = session->phase == PHASE_UP && session->wanted_at != NEVER;
    return waiting ? session->wanted_at + SESSION_SILENCE_MS : NEVER;
}

void client_session_tick(struct client_session *session, uint64_t now_ms)
{
    session->now_ms = now_ms;
    if (pinging(session) && now_ms >= session->ping_at) {
        session->ping_due = true;
        session->ping_at = now_ms + SESSION_PING_MS;
        if (session->wanted_at == NEVER)
            session->wanted_at = now_ms;
    }
    if (now_ms >= silence_at(session))
        greet(session, now_ms);
}

/* The request that must end: over time, refused, or larger than the broker takes. */
static struct client_request *next_ended(struct client_session *session, int *status_out)
{
    struct client_request *due = client_requests_first_due(&session->requests);
    struct client_request *unsent = session->requests.unsent;
    if (due && due->deadline.key <= session->now_ms) {
        *status_out = -ETIMEDOUT;
        return due;
    }
    if (due && session->phase == PHASE_REFUSED) {
        *status_out = -ECONNREFUSED;
        return session->requests.head;
    }
    *status_out = -EMSGSIZE;
    return unsent && unsent->frame.len > session->peer.message_size_max ? unsent : NULL;
}

int client_session_next_ended(struct client_session *session, uint64_t now_ms,
                              struct client_session_end *end_out)
{
    int status = 0;
    session->now_ms = now_ms;
    struct client_request *request = next_ended(session, &status);
    if (!request)
        return 0;
    end_request(session, request, status, end_out);
    return 1;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t client_session_next_deadline(const struct client_session *session)
{
    const struct client_request *due = client_requests_first_due(&session->requests);
    const struct client_request *unsent = session->requests.unsent;
    uint64_t at = due ? due->deadline.key : NEVER;
    if (due && session->phase == PHASE_REFUSED)
        return 0;
    if (unsent && unsent->frame.len > session->peer.message_size_max)
        return 0;
    if (greeting(session) && session->hello_at > session->now_ms)
        at = earlier(at, session->hello_at);
    if (pinging(session))
        at = earlier(at, session->ping_at);
    return earlier(at, silence_at(session));
}

/* --- what goes to the broker ------------------------------------------------------------------ */

static enum sending next_sending(const struct client_session *session)
{
    if (session->phase == PHASE_LEAVING)
        return SENDING_BYE;
    if (greeting(session) && session->hello_at <= session->now_ms)
        return SENDING_HELLO;
    if (session->phase != PHASE_UP)
        return SENDING_NOTHING;
    if (session->ping_due)
        return SENDING_PING;
    return session->requests.unsent ? SENDING_REQUEST : SENDING_NOTHING;
}

static void fill_hello(const struct client_session_config *config, struct message *hello)
{
    hello->id = MSG_HELLO;
    hello->envelope.owner = config->owner;
    hello->hello.version = PROTOCOL_VERSION;
    hello->hello.session = config->id;
    hello->hello.epoch = config->epoch;
    hello->hello.role = config->role;
    hello->hello.program = config->program;
}

/* Makes a hello, ping or bye, each with a number of its own. */
static int encode_control(struct client_session *session, enum sending sending)
{
    struct message message = {.id = sending == SENDING_PING ? MSG_PING : MSG_BYE};
    message.envelope.request = client_requests_number(&session->requests);
    if (sending == SENDING_HELLO) {
        fill_hello(&session->config, &message);
        session->hello_number = message.envelope.request;
    }
    if (sending == SENDING_PING)
        session->ping_number = message.envelope.request;
    buf_clear(&session->control);
    return message_encode(&session->control, &message);
}

bool client_session_next_send(struct client_session *session, struct slice *frame_out)
{
    enum sending sending = next_sending(session);
    if (sending == SENDING_NOTHING)
        return false;
    if (sending == SENDING_REQUEST) {
        *frame_out = buf_slice(&session->requests.unsent->frame);
    } else {
        if (sending != session->sending && encode_control(session, sending) < 0)
            return false;
        *frame_out = buf_slice(&session->control);
    }
    session->sending = sending;
    return true;
}

static void hello_is_out(struct client_session *session)
{
    session->hello_at = session->now_ms + session->hello_wait_ms;
    session->hello_wait_ms *= 2;
    if (session->hello_wait_ms > SESSION_HELLO_MAX_MS)
        session->hello_wait_ms = SESSION_HELLO_MAX_MS;
}

static void ping_is_out(struct client_session *session)
{
    session->ping_due = false;
    session->ping_sent_ms = session->now_ms;
}

void client_session_sent(struct client_session *session, uint64_t now_ms)
{
    enum sending sending = session->sending;
    session->sending = SENDING_NOTHING;
    session->now_ms = now_ms;
    if (sending == SENDING_HELLO)
        hello_is_out(session);
    if (sending == SENDING_PING)
        ping_is_out(session);
    if (sending == SENDING_REQUEST)
        client_requests_sent(&session->requests, now_ms);
    if (sending == SENDING_BYE)
        session->phase = PHASE_LEFT;
}

void client_session_refuse(struct client_session *session, uint64_t now_ms, enum wire_error error,
                           const char *why)
{
    if (session->phase == PHASE_LEAVING || session->phase == PHASE_LEFT)
        return;
    greet(session, now_ms);
    session->now_ms = now_ms;
    session->phase = PHASE_REFUSED;
    fault_set(&session->refusal, error, "", "%s", why);
}

void client_session_leave(struct client_session *session)
{
    session->phase = session->phase == PHASE_UP ? PHASE_LEAVING : PHASE_LEFT;
    session->sending = SENDING_NOTHING;
}

/* --- questions -------------------------------------------------------------------------------- */

bool client_session_is_up(const struct client_session *session)
{
    return session->phase == PHASE_UP;
}

uint32_t client_session_open_count(const struct client_session *session)
{
    return session->requests.count;
}

const struct client_session_peer *client_session_peer(const struct client_session *session)
{
    return &session->peer;
}

const struct fault *client_session_refusal(const struct client_session *session)
{
    return session->phase == PHASE_REFUSED ? &session->refusal : NULL;
}
