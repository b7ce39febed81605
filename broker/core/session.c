/* Sessions and their messages: hello, ping, heartbeat, bye. Touches jobs only through leases. */
#include "broker/core/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/tooth.h"
#include "broker/core/effects.h"
#include "broker/core/gather.h"
#include "broker/core/lease.h"
#include "broker/core/reply.h"
#include "broker/core/worker.h"

enum { CLIENT_SILENCE_MS = 5 * 60 * 1000 };

struct session *session_of_peer(const struct core *core, uint32_t peer)
{
    struct session *session;
    HASH_FIND(by_peer, core->by_peer, &peer, sizeof peer, session);
    return session;
}

static struct session *session_of_id(const struct core *core, const struct uuid *id)
{
    struct session *session;
    HASH_FIND(by_id, core->by_id, id, sizeof *id, session);
    return session;
}

static const struct text nobody = TEXT_INIT("anonymous");

bool session_fits(const struct session *session, const struct core_auth *auth)
{
    return session->role == auth->role &&
           text_eq(text_of(session->owner), auth->owner.len ? auth->owner : nobody);
}

static uint64_t silence_of(const struct core *core, const struct session *session)
{
    return session->worker ? core->config.lost_after_ms : CLIENT_SILENCE_MS;
}

static void unbind(struct core *core, struct session *session)
{
    if (session->peer == 0)
        return;
    HASH_DELETE(by_peer, core->by_peer, session);
    session->peer = 0;
}

void session_disconnected(struct session *session, struct core *core)
{
    unbind(core, session);
}

static int bind_peer(struct core *core, struct session *session, uint32_t peer)
{
    struct session *before = session_of_peer(core, peer);
    if (before == session)
        return 0;
    if (before)
        unbind(core, before);
    if (session->peer) {
        int rc = effects_add(core->effects, EFFECT_FORGET, session->peer, NULL, NULL);
        if (rc < 0)
            return rc;
        unbind(core, session);
    }
    session->peer = TOOTH(old_route_stays) && peer % 4 == 0 ? peer - 1 : peer;
    HASH_ADD(by_peer, core->by_peer, peer, sizeof session->peer, session);
    return session_of_peer(core, peer) == session ? 0 : -ENOMEM;
}

static void session_free(struct core *core, struct session *session)
{
    unbind(core, session);
    heap_remove(&core->session_heap, &session->node);
    HASH_DELETE(by_id, core->by_id, session);
    if (core->apart == session)
        core->apart = NULL;
    if (session->worker) {
        while (session->worker->leases)
            lease_orphan(session->worker->leases);
        worker_destroy(&session->worker);
        DL_DELETE(core->workers, session);
        core->worker_count--;
    }
    free(session);
}

static struct session *session_new(struct core *core, const struct uuid *id)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->id = *id;
    session->heard = core->now.mono_ms;
    session->node.key = core->now.mono_ms + core->config.lost_after_ms;
    if (heap_push(&core->session_heap, &session->node) < 0) {
        free(session);
        return NULL;
    }
    HASH_ADD(by_id, core->by_id, id, sizeof session->id, session);
    if (session_of_id(core, id) != session) {
        heap_remove(&core->session_heap, &session->node);
        free(session);
        return NULL;
    }
    return session;
}

/* The role that hello asks for; with a key, saying none asks for the key's. */
static int role_of(struct core *core, struct text word, enum session_role *role_out)
{
    const struct core_auth *auth = core->event->auth;
    if (auth && word.len == 0)
        *role_out = auth->role;
    else if (!role_parse(word, role_out))
        return refuse(core, WIRE_INVALID_REQUEST, "role",
                      "expected producer, gateway, admin, observer or worker");
    bool at_workers = core->event->socket == CORE_WORKERS;
    if (at_workers != (*role_out == ROLE_WORKER))
        return refuse(core, WIRE_INVALID_REQUEST, "role",
                      "workers, and only they, speak to the "
                      "workers' endpoint");
    return 0;
}

/* Nobody gets more than its key has: another role, another owner. */
static int check_key(struct core *core, const struct msg_envelope *envelope, enum session_role role)
{
    const struct core_auth *auth = core->event->auth;
    if (!auth)
        return 0;
    if (role != auth->role)
        return refuse(core, WIRE_FORBIDDEN, "role", "this key is listed as %s, not as %s",
                      role_word(auth->role), role_word(role));
    if (envelope->owner.len > 0 && !text_eq(envelope->owner, auth->owner))
        return refuse(core, WIRE_FORBIDDEN, "owner", "this key is listed with owner '%.*s'",
                      auth->owner.len ? (int)auth->owner.len : 1,
                      auth->owner.len ? auth->owner.at : "-");
    if (envelope->admin && !role_sees_events(role))
        return refuse(core, WIRE_FORBIDDEN, "admin", "this key is listed as %s, not as admin",
                      role_word(role));
    return 0;
}

/* A session is its first key's. */
static bool other_key(const struct core *core, const struct session *session)
{
    const struct core_auth *auth = core->event->auth;
    return !text_eq(text_of(session->key), auth ? auth->key : (struct text){0});
}

static int check_hello(struct core *core, const struct msg_hello *hello,
                       enum session_role *role_out)
{
    if (hello->version != PROTOCOL_VERSION)
        return refuse(core, WIRE_UNSUPPORTED_VERSION, "version",
                      "this broker speaks protocol version %d", PROTOCOL_VERSION);
    if (uuid_is_null(&hello->session))
        return refuse(core, WIRE_INVALID_REQUEST, "session", "expected an id");
    int rc = role_of(core, hello->role, role_out);
    if (rc != 0)
        return rc;
    rc = check_key(core, &core->event->message->envelope, *role_out);
    if (rc != 0)
        return rc;
    const struct session *session = session_of_id(core, &hello->session);
    if (session && other_key(core, session))
        return refuse(core, WIRE_FORBIDDEN, "session", "this session belongs to another key");
    if (session && session->epoch > hello->epoch)
        return refuse(core, WIRE_CONFLICT, "epoch", "this session has started again since");
    if (session && (session->role == ROLE_WORKER) != (*role_out == ROLE_WORKER))
        return refuse(core, WIRE_CONFLICT, "session", "this is the session of a %s",
                      role_word(session->role));
    if (!session && HASH_CNT(by_id, core->by_id) >= SESSIONS_MAX)
        return refuse(core, WIRE_UNAVAILABLE, "session", "there are too many sessions");
    return *role_out == ROLE_WORKER ? worker_check(core, hello) : 0;
}

/* Renews what the worker lists and names what it must drop. Appends to `stale` (a list's items). */
static int renew_listed(struct core *core, struct session *session, struct slice running,
                        struct buf *stale, struct slice *stale_out)
{
    struct list_iter iter;
    struct wire_hold hold;
    size_t mark;
    uint32_t count = 0;
    int more, rc = 0;
    if (list_open(running, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "running", "expected a list");
    buf_clear(stale);
    rc = list_begin(stale, &mark);
    while (rc == 0 &&
           (more = list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &core->fault)) != 0) {
        if (more < 0)
            return REFUSED;
        struct lease *lease = lease_find(core, hold.fence, &hold.job);
        if (lease && lease_renew(core, lease, session)) {
            rc = lease->ending ? gather_stop(core, lease, "cancelled") : 0;
            continue;
        }
        rc = shape_encode(stale, &shape_hold, &hold, KEYS_NAMES);
        count++;
    }
    if (rc < 0)
        return rc;
    list_end(stale, mark, count);
    if (count)
        *stale_out = buf_slice(stale);
    return 0;
}

/* Events can't be told apart by who watches: with keys, only who may see all of them gets there;
 * others ask for the revs of what they watch. */
static struct text events_for(const struct core *core)
{
    const struct core_auth *auth = core->event->auth;
    return !auth || role_sees_events(auth->role) ? core->config.events_endpoint : (struct text){0};
}

static int welcome(struct core *core, struct slice stale)
{
    const struct core_config *config = &core->config;
    struct message message = {.id = MSG_WELCOME};
    message.welcome = (struct msg_welcome){
        .version = PROTOCOL_VERSION,
        .broker = config->broker,
        .program = config->program,
        .now = core->now.wall_ms,
        .heartbeat_ms = config->heartbeat_ms,
        .lost_after_ms = config->lost_after_ms,
        .message_size_max = MESSAGE_SIZE_MAX,
        .params_size_max = config->params_size_max,
        .batch_jobs_max = BATCH_JOBS_MAX,
        .events = events_for(core),
        .stale = stale,
        .grace_ms = config->grace_ms,
    };
    return reply(core, &message);
}

static void set_owner(struct core *core, struct session *session, struct text owner)
{
    if (core->event->auth)
        owner = core->event->auth->owner;
    if (owner.len == 0)
        owner = nobody;
    memcpy(session->owner, owner.at, owner.len);
    session->owner[owner.len] = 0;
}

/* A worker that has started anew holds nothing of what it held before: lost, now. */
static void restarted(struct core *core, struct session *session)
{
    while (session->worker && session->worker->leases) {
        struct lease *lease = session->worker->leases;
        lease->deadline = core->now.mono_ms;
        lease_orphan(lease);
        heap_update(&core->lease_heap, &lease->node, core->now.mono_ms);
    }
}

static int open_session(struct core *core, const struct msg_hello *hello, enum session_role role,
                        struct session **session_out)
{
    struct session *session = session_of_id(core, &hello->session);
    if (!session)
        session = session_new(core, &hello->session);
    if (!session)
        return -ENOMEM;
    if (session->epoch < hello->epoch)
        restarted(core, session);
    session->epoch = hello->epoch;
    session->role = role;
    if (core->event->auth)
        memcpy(session->key, core->event->auth->key.at, AUTH_KEY_LEN);
    session->socket = core->event->socket;
    session->heard = core->now.mono_ms;
    *session_out = session;
    int rc = bind_peer(core, session, core->event->peer);
    if (rc < 0 || role != ROLE_WORKER)
        return rc;
    bool first = session->worker == NULL;
    rc = worker_set(session, hello, core->now.wall_ms);
    if (first && session->worker) {
        DL_APPEND(core->workers, session);
        core->worker_count++;
    }
    return rc;
}

int handle_hello(struct core *core, const struct message *message)
{
    const struct msg_hello *hello = &message->hello;
    enum session_role role = ROLE_PRODUCER;
    struct session *session;
    int rc = check_hello(core, hello, &role);
    if (rc == 0)
        rc = open_session(core, hello, role, &session);
    if (rc != 0)
        return rc;
    set_owner(core, session, message->envelope.owner);
    struct slice stale = {0};
    if (session->worker)
        rc = renew_listed(core, session, hello->running, &core->scratch, &stale);
    return rc != 0 ? rc : welcome(core, stale);
}

int handle_ping(struct core *core, struct session *session, const struct message *message)
{
    (void)session;
    (void)message;
    struct message pong = {.id = MSG_PONG};
    pong.pong.now = core->now.wall_ms;
    return reply(core, &pong);
}

int handle_heartbeat(struct core *core, struct session *session, const struct message *message)
{
    struct message beat = {.id = MSG_BEAT};
    int rc =
        renew_listed(core, session, message->heartbeat.running, &core->scratch, &beat.beat.stale);
    if (rc != 0)
        return rc;
    worker_set_slots(session->worker, message->heartbeat.slots);
    beat.beat.now = core->now.wall_ms;
    beat.beat.drain = session->worker->draining;
    return reply(core, &beat);
}

int handle_bye(struct core *core, struct session *session, const struct message *message)
{
    (void)message;
    while (session->worker && session->worker->leases) {
        int rc = lease_undo(core, session->worker->leases, "its worker said goodbye");
        if (rc < 0)
            return rc;
    }
    int rc = effects_add(core->effects, EFFECT_FORGET, session->peer, NULL, NULL);
    session_free(core, session);
    return rc;
}

int sessions_expire(struct core *core)
{
    struct heap_node *node;
    while ((node = heap_peek(&core->session_heap)) && node->key <= core->now.mono_ms) {
        struct session *session = HEAP_ENTRY(node, struct session, node);
        uint64_t end = session->heard + silence_of(core, session);
        if (end < core->lease_floor)
            end = core->lease_floor;
        if (end > core->now.mono_ms) {
            heap_update(&core->session_heap, node, end);
            continue;
        }
        int rc = session->peer
                     ? effects_add(core->effects, EFFECT_FORGET, session->peer, NULL, NULL)
                     : 0;
        if (rc < 0)
            return rc;
        session_free(core, session);
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return text_cmp(*(const struct text *)a, *(const struct text *)b);
}

/* Its leases are lost at once: their fences must not wait for somebody who may not speak. */
static int revoke(struct core *core, struct session *session)
{
    int rc =
        session->peer ? effects_add(core->effects, EFFECT_FORGET, session->peer, NULL, NULL) : 0;
    if (rc < 0)
        return rc;
    restarted(core, session);
    session_free(core, session);
    return 0;
}

int sessions_revoke(struct core *core, const struct text *keys, size_t count)
{
    struct session *session, *next;
    HASH_ITER(by_id, core->by_id, session, next)
    {
        struct text key = text_of(session->key);
        if (!session->key[0] || !bsearch(&key, keys, count, sizeof *keys, by_text))
            continue;
        int rc = revoke(core, session);
        if (rc < 0)
            return rc;
    }
    return 0;
}

uint64_t sessions_next(const struct core *core)
{
    struct heap_node *node = heap_peek(&core->session_heap);
    return node ? node->key : UINT64_MAX;
}

void sessions_fini(struct core *core)
{
    struct session *session, *next;
    HASH_ITER(by_id, core->by_id, session, next)
    {
        session_free(core, session);
    }
}
