/* The conversation with the broker: hello, beats, what it says, and the end.
 *
 * Must never leave the broker without a word for longer than it dictates, nor ask it more often
 * than the backoff allows. */
#include "worker/session_parts.h"

#include <errno.h>
#include <stdlib.h>


#include "proto/pack.h"

/* --- a session ------------------------------------------------------------------------------- */

static int encode_texts(struct buf *out, const struct text *texts, size_t count)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = pack_text(out, texts[i]);
    if (rc == 0)
        list_end(out, mark, (uint32_t)count);
    return rc;
}

int wsession_new(const struct wsession_config *config, struct wsession **session_out)
{
    struct wsession *session = calloc(1, sizeof *session);
    if (!session)
        return -ENOMEM;
    session->config = *config;
    session->heartbeat_ms = HEARTBEAT_DEFAULT_MS;
    session->lost_after_ms = LOST_AFTER_DEFAULT_MS;
    session->message_size_max = MESSAGE_SIZE_MAX;
    session->grace_ms = config->grace_ms;
    session->resend_ms = WSESSION_RESEND_MS;
    session->resend_at = UINT64_MAX;
    heap_init(&session->timeouts);
    int rc = encode_texts(&session->queues, config->queues, config->queue_count);
    if (rc == 0)
        rc = encode_texts(&session->types, config->types, config->type_count);
    if (rc < 0)
        wsession_destroy(&session);
    *session_out = session;
    return rc;
}

void wsession_destroy(struct wsession **session)
{
    struct wsession *s = *session;
    *session = NULL;
    if (!s)
        return;
    holds_fini(s);
    heap_fini(&s->timeouts);
    buf_fini(&s->queues);
    buf_fini(&s->types);
    buf_fini(&s->batch.items);
    free(s);
}

struct wsession_figures wsession_figures(const struct wsession *session)
{
    return (struct wsession_figures){
        .live = session->state == SESSION_LIVE,
        .ended = session->state == SESSION_ENDED,
        .holds = HASH_COUNT(session->holds),
        .running = session->running,
        .heartbeat_ms = session->heartbeat_ms,
        .lost_after_ms = session->lost_after_ms,
        .stale = session->stale_count,
    };
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- what we say ------------------------------------------------------------------------------ */

static uint32_t slots_of(const struct wsession *session)
{
    if (session->draining || session->zombies >= session->config.slots)
        return 0;
    return session->config.slots - session->zombies;
}

/* Half of it is fixed, half is chance: a thousand workers do not come back at once. */
static uint64_t jittered(const struct wsession *session)
{
    uint32_t doublings = session->hellos < 10 ? session->hellos : 10;
    uint64_t wait = (uint64_t)WSESSION_HELLO_MS << doublings;
    if (wait > WSESSION_HELLO_MAX_MS)
        wait = WSESSION_HELLO_MAX_MS;
    return wait / 2 + session->now.random % (wait / 2 + 1);
}

static int greet(struct wsession *session)
{
    const struct wsession_config *config = &session->config;
    struct buf running = {0};
    int rc = holds_list(session, &running);
    struct message message = {.id = MSG_HELLO};
    message.hello = (struct msg_hello){
        .version = PROTOCOL_VERSION,
        .session = config->id,
        .epoch = config->epoch,
        .role = TEXT("worker"),
        .program = config->program,
        .name = config->name,
        .host = config->host,
        .pid = config->pid,
        .queues = buf_slice(&session->queues),
        .types = buf_slice(&session->types),
        .slots = slots_of(session),
        .running = buf_slice(&running),
    };
    if (rc == 0)
        rc = send_message(session, &message);
    buf_fini(&running);
    session->state = SESSION_GREETING;
    session->hello_request = message.envelope.request;
    session->hello_until = session->now.mono_ms + jittered(session);
    session->hellos++;
    return rc;
}

static int reconnect(struct wsession *session)
{
    struct wsession_effect effect = {.kind = WSESSION_RECONNECT};
    int rc = effect_add(session, &effect, (struct slice){0});
    return rc < 0 ? rc : greet(session);
}

void session_beat_soon(struct wsession *session)
{
    session->beat_at = 0;
}

void session_beat_by(struct wsession *session, uint64_t when)
{
    session->beat_at = sooner(session->beat_at, when);
}

static int beat(struct wsession *session)
{
    struct buf running = {0};
    struct message message = {.id = MSG_HEARTBEAT};
    int rc = holds_list(session, &running);
    message.heartbeat.running = buf_slice(&running);
    message.heartbeat.slots = slots_of(session);
    if (rc == 0)
        rc = send_message(session, &message);
    buf_fini(&running);
    session->beat_at = session->now.mono_ms + session->heartbeat_ms;
    if (session->unheard_since == 0)
        session->unheard_since = session->now.mono_ms;
    return rc;
}

/* How long beats may go unanswered before we look for a new connection: well before the broker
 * would count our jobs as lost. */
static uint64_t silence_ms(const struct wsession *session)
{
    uint64_t half = session->lost_after_ms / 2, two = 2 * session->heartbeat_ms;
    return half > two ? half : two;
}

/* --- what the broker says ----------------------------------------------------------------------
 */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static int on_welcome(struct wsession *session, const struct msg_welcome *welcome)
{
    session->heartbeat_ms = or_default(welcome->heartbeat_ms, HEARTBEAT_DEFAULT_MS);
    session->lost_after_ms = or_default(welcome->lost_after_ms, LOST_AFTER_DEFAULT_MS);
    session->message_size_max = or_default(welcome->message_size_max, MESSAGE_SIZE_MAX);
    session->grace_ms = or_default(welcome->grace_ms, session->config.grace_ms);
    if (session->state == SESSION_GREETING) {
        struct wsession_effect effect = {.kind = WSESSION_WELCOMED};
        int rc = effect_add(session, &effect, (struct slice){0});
        if (rc < 0)
            return rc;
        session->state = SESSION_LIVE;
        session->beat_at = session->now.mono_ms + session->heartbeat_ms;
        session->resend_at = UINT64_MAX;
        session->resend_ms = WSESSION_RESEND_MS;
        holds_resend(session, UINT64_MAX);
    }
    return holds_stale(session, welcome->stale);
}

static int on_unknown_session(struct wsession *session)
{
    if (session->state != SESSION_LIVE)
        return 0;
    if (session->hellos == 0)
        return greet(session);
    /* It has welcomed us and forgotten us before the first beat: not so fast. */
    session->state = SESSION_GREETING;
    session->hello_until = session->now.mono_ms + jittered(session);
    return 0;
}

/* Our key is not listed, or as something else: asking again changes nothing. */
static int refused(struct wsession *session, const struct msg_error *error)
{
    struct wsession_effect effect = {.kind = WSESSION_REFUSED};
    int rc = effect_note(session, "the broker refuses this worker: %.*s", (int)error->message.len,
                         error->message.at);
    return rc < 0 ? rc : effect_add(session, &effect, (struct slice){0});
}

static int on_error(struct wsession *session, const struct message *message)
{
    const struct msg_error *error = &message->error;
    uint64_t request = message->envelope.request;
    switch (wire_error_of(error->code)) {
    case WIRE_UNKNOWN_SESSION:
        return on_unknown_session(session);
    case WIRE_INVALID_REQUEST:
    case WIRE_PAYLOAD_TOO_LARGE:
    case WIRE_UNKNOWN_MESSAGE:
        if (request != session->hello_request && request != 0)
            return holds_refused(session, request, error);
        break;
    case WIRE_UNAUTHORIZED:
        return refused(session, error);
    case WIRE_FORBIDDEN:
        if (request == session->hello_request)
            return refused(session, error);
        break;
    default:
        break;
    }
    if (session->state == SESSION_LIVE)
        return 0; /* it can't now: what waits is sent again in time */
    return effect_note(session, "the broker does not take this worker: %.*s: %.*s",
                       (int)error->code.len, error->code.at, (int)error->message.len,
                       error->message.at);
}

/* Its owner wants it, or somebody has told the broker to. */
static void drain(struct wsession *session)
{
    if (session->draining)
        return;
    session->draining = true;
    session_beat_soon(session);
}

static int on_message(struct wsession *session, const struct message *message)
{
    if (message->id != MSG_ERROR)
        session->unheard_since = 0;
    switch (message->id) {
    case MSG_WELCOME:
        return on_welcome(session, &message->welcome);
    case MSG_BEAT:
        session->hellos = 0;
        if (message->beat.drain)
            drain(session);
        return holds_stale(session, message->beat.stale);
    case MSG_DISPATCH:
        return holds_dispatch(session, &message->dispatch);
    case MSG_REPORTED:
        return reports_stored(session, &message->reported);
    case MSG_SETTLED:
        return holds_settled(session, &message->settled);
    case MSG_STOP:
        return holds_stop(session, &message->stop);
    case MSG_ERROR:
        return on_error(session, message);
    default:
        return effect_note(session, "the broker sent `%s`, which is nothing for a worker",
                           message_name(message->id));
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static int resend(struct wsession *session)
{
    uint64_t now = session->now.mono_ms;
    session->resend_at = UINT64_MAX;
    if (session->flying == 0 && HASH_COUNT(session->holds) == session->running) {
        session->resend_ms = WSESSION_RESEND_MS;
        return 0;
    }
    holds_resend(session, now > WSESSION_RESEND_MS ? now - WSESSION_RESEND_MS : 0);
    session->resend_ms *= 2;
    if (session->resend_ms > WSESSION_RESEND_MAX_MS)
        session->resend_ms = WSESSION_RESEND_MAX_MS;
    expect_answer(session);
    return 0;
}

static int on_tick(struct wsession *session)
{
    uint64_t now = session->now.mono_ms;
    int rc = holds_expire(session);
    if (rc < 0)
        return rc;
    if (session->state == SESSION_SILENT)
        return greet(session);
    if (session->state == SESSION_GREETING)
        return now >= session->hello_until ? reconnect(session) : 0;
    if (session->unheard_since && now - session->unheard_since >= silence_ms(session))
        return reconnect(session);
    return now >= session->resend_at ? resend(session) : 0;
}

static int on_send_failed(struct wsession *session)
{
    return session->state == SESSION_LIVE ? reconnect(session) : 0;
}

static int on_release(struct wsession *session)
{
    if (session->releasing)
        return 0;
    session->draining = session->releasing = true;
    session->release_until = session->now.mono_ms + WSESSION_RELEASE_MS;
    session_beat_soon(session);
    return holds_release(session);
}

int wsession_step(struct wsession *session, const struct wsession_event *event,
                  struct wsession_effects *effects)
{
    if (session->state == SESSION_ENDED)
        return 0;
    session->now = event->now;
    session->effects = effects;
    struct hold *hold;
    switch (event->kind) {
    case WSESSION_MESSAGE:
        return on_message(session, event->message);
    case WSESSION_SEND_FAILED:
        return on_send_failed(session);
    case WSESSION_REPORT:
        hold = hold_find(session, &event->hold.job, event->hold.fence);
        return hold && hold->state == HOLD_RUNS ? reports_take(session, hold, event->report) : 0;
    case WSESSION_FINISHED:
        return holds_finished(session, event);
    case WSESSION_DRAIN:
        drain(session);
        return 0;
    case WSESSION_RELEASE:
        return on_release(session);
    case WSESSION_TICK:
        return on_tick(session);
    }
    return 0;
}

static bool may_end(const struct wsession *session)
{
    if (!session->draining || session->running > 0)
        return false;
    return HASH_COUNT(session->holds) == 0 ||
           (session->releasing && session->now.mono_ms >= session->release_until);
}

static int end(struct wsession *session)
{
    struct message bye = {.id = MSG_BYE};
    struct wsession_effect ended = {.kind = WSESSION_ENDED};
    int rc = session->state == SESSION_LIVE ? send_message(session, &bye) : 0;
    session->state = SESSION_ENDED;
    return rc < 0 ? rc : effect_add(session, &ended, (struct slice){0});
}

int wsession_flush(struct wsession *session, struct wsession_now now,
                   struct wsession_effects *effects)
{
    session->now = now;
    session->effects = effects;
    int rc = 0;
    if (session->state == SESSION_LIVE) {
        rc = now.mono_ms >= session->beat_at ? beat(session) : 0;
        if (rc == 0)
            rc = holds_send(session);
        if (rc == 0)
            rc = reports_send_due(session);
        if (rc == 0)
            rc = batch_send(session);
    }
    if (rc == 0 && session->state != SESSION_ENDED && may_end(session))
        rc = end(session);
    return rc;
}

/* --- deadlines -------------------------------------------------------------------------------- */

static uint64_t live_deadline(const struct wsession *session)
{
    uint64_t next = sooner(session->beat_at, session->resend_at);
    if (session->unheard_since)
        next = sooner(next, session->unheard_since + silence_ms(session));
    return session->unsaid ? 0 : sooner(next, reports_next(session));
}

uint64_t wsession_next_deadline(const struct wsession *session)
{
    uint64_t next = UINT64_MAX;
    const struct heap_node *node = heap_peek(&session->timeouts);
    if (session->state == SESSION_ENDED)
        return next;
    if (node)
        next = node->key;
    if (session->releasing && session->running == 0)
        next = sooner(next, session->release_until);
    if (session->state == SESSION_SILENT)
        return 0;
    return sooner(next, session->state == SESSION_GREETING ? session->hello_until
                                                           : live_deadline(session));
}
