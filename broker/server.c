/* The loop.
 * Must never send an effect whose batch has not been committed. */
#include "broker/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/signals.h"
#include "broker/peers.h"
#include "broker/server_batch.h"
#include "broker/ticks.h"
#include "broker/watchers.h"

enum {
    DRAWS = 512,
    EFFECTS_KEEP_MAX = 16 * 1024 * 1024, /* more than this is given back after its batch */
    FREE_BYTES_MS = 1000,                /* how old the figure of free room may be */
    FREE_BYTES_TAKEN = 4 * 1024 * 1024,  /* and how much may have come in since */
    STEP_MS_MAX = 20,                    /* of one transaction; a single event may take longer */
    NO_ROOM_MS = 1000,                   /* submits are refused for so long after a full disk */
    NO_ROOM_PAUSE_MS = 100
};

struct server {
    struct sockets *sockets;
    struct server_auth *auth; /* NULL without CURVE */
    struct peers *peers;
    struct watchers watchers;
    struct ticks ticks;
    struct effects effects;

    struct core *core;
    struct store *store;
    int signal_fd;
    bool stopping;

    struct core_now now; /* of what was collected */
    bool tick;           /* which ends with one */
    size_t end;          /* of the transaction under way, in the batch */
    uint64_t free_bytes, free_bytes_at;
    uint64_t taken;         /* bytes that came in since that was looked at */
    uint64_t no_room_until; /* mono: the disk was full a moment ago */
    uint64_t draws[DRAWS];  /* random numbers in stock: one system call for many */
    size_t draws_left;
    struct batch batch;
};

static uint64_t draw(struct server *server)
{
    if (server->draws_left == 0) {
        random_bytes(server->draws, sizeof server->draws);
        server->draws_left = DRAWS;
    }
    return server->draws[--server->draws_left];
}

int server_open(const struct server_config *config, struct server **server_out)
{
    struct server *server = calloc(1, sizeof *server);
    int rc = server ? 0 : -ENOMEM;
    if (rc == 0)
        rc = peers_new(&server->peers);
    if (rc == 0)
        rc = sockets_open(config->endpoints, config->pair, &server->sockets);
    if (rc == 0)
        server->auth = config->auth;
    if (rc < 0)
        server_close(&server);
    *server_out = server;
    return rc;
}

const char *server_endpoint(const struct server *server, enum socket_kind kind)
{
    return sockets_endpoint(server->sockets, kind);
}

void server_close(struct server **server)
{
    if (!*server)
        return;
    batch_release(&(*server)->batch);
    sockets_close(&(*server)->sockets);
    peers_destroy(&(*server)->peers);
    watchers_fini(&(*server)->watchers);
    effects_fini(&(*server)->effects);
    free(*server);
    *server = NULL;
}

/* --- wait ---------------------------------------------------------------------------------- */

static int read_keys(struct server *server)
{
    if (server->auth)
        return server_auth_reload(server->auth);
    log_info("nothing_to_read", "SIGHUP came; without CURVE there is no list of keys");
    return 0;
}

static int read_signals(struct server *server)
{
    int number;
    bool again = false;
    while ((number = signals_read(server->signal_fd)) > 0) {
        if (number == SIGTERM || number == SIGINT) {
            log_info("stopping", "%s came", number == SIGTERM ? "SIGTERM" : "SIGINT");
            server->stopping = true;
        }
        again |= number == SIGHUP;
    }
    return number == 0 && again ? read_keys(server) : number;
}

static int wait_for_input(struct server *server)
{
    bool signalled;
    uint64_t deadline = core_next_deadline(server->core);
    int64_t wait_ms = ticks_wait_ms(&server->ticks, deadline, clock_mono_ms());
    if (peers_any_failed(server->peers))
        wait_ms = 0;
    int rc = sockets_wait(server->sockets, server->signal_fd, wait_ms, &signalled);
    ticks_seen(&server->ticks, wait_ms, clock_mono_ms());
    if (rc == 0 && signalled)
        rc = read_signals(server);
    return rc == 0 ? sockets_admit(server->sockets, server_auth_admit, server->auth) : rc;
}

/* --- collect ------------------------------------------------------------------------------- */

static void read_clocks(struct server *server)
{
    server->now.mono_ms = clock_mono_ms();
    server->now.wall_ms = clock_wall_ms();
}

/* To ask is not cheap. In between, what came in counts as written. */
static void look_at_free_bytes(struct server *server)
{
    struct store_info info;
    uint64_t now = server->now.mono_ms;
    server->taken += server->batch.bytes;
    if (server->free_bytes_at != 0 && now - server->free_bytes_at < FREE_BYTES_MS &&
        server->taken < FREE_BYTES_TAKEN)
        return;
    server->free_bytes_at = now;
    server->taken = server->batch.bytes;
    server->free_bytes = store_info(server->store, &info) == 0 ? info.free_bytes : UINT64_MAX;
}

static uint64_t free_bytes(const struct server *server)
{
    return server->free_bytes > server->taken ? server->free_bytes - server->taken : 0;
}

static int collect(struct server *server)
{
    struct batch *batch = &server->batch;
    int rc = batch_collect(batch, server->sockets, server->peers, &server->watchers, server->auth);
    read_clocks(server);
    server->tick = ticks_due(&server->ticks, core_next_deadline(server->core), server->now.mono_ms,
                             batch->more);
    if (batch->count > 0 || server->tick) /* a tick may make jobs */
        look_at_free_bytes(server);
    return rc;
}

/* --- step ---------------------------------------------------------------------------------- */

/* Fills the event from a frame. What is no message is an event too: its sender is told. */
static void read_frame(struct server *server, struct item *item, struct message *message,
                       struct fault *fault, struct core_event *event)
{
    int rc = message_decode(item_bytes(item), message, fault);
    event->request = message->envelope.request;
    if (rc == 0 && item->kind == CORE_BAD_MESSAGE)
        rc = fault_set(fault, WIRE_INVALID_REQUEST, "", "a message is one frame");
    if (rc == 0 && message->id == MSG_HELLO)
        peers_keep(server->peers, item->peer);
    event->kind = rc == 0 ? CORE_MESSAGE : CORE_BAD_MESSAGE;
    event->message = rc == 0 ? message : NULL;
    event->fault = rc == 0 ? NULL : fault;
}

/* Peers come and go in the order of events, so that one who says goodbye and hello again in one
 * batch is kept. Those forgotten are still there for this batch's effects. */
static void note_forgotten(struct server *server, size_t first)
{
    for (size_t i = first; i < server->effects.count; i++) {
        if (server->effects.at[i].kind == EFFECT_FORGET)
            peers_forget(server->peers, server->effects.at[i].peer);
    }
}

static int step(struct server *server, struct core_event *event)
{
    size_t before = server->effects.count;
    event->now = server->now;
    event->now.random = draw(server);
    event->free_bytes = free_bytes(server);
    event->no_room = server->now.mono_ms < server->no_room_until;
    int rc = core_step(server->core, event, &server->effects);
    note_forgotten(server, before);
    return rc;
}

static int step_item(struct server *server, struct item *item)
{
    struct message message;
    struct fault fault;
    struct core_event event = {.kind = item->kind,
                               .socket = item->socket,
                               .peer = item->peer,
                               .topic = item->topic,
                               .unsent = item->unsent,
                               .auth = item->auth,
                               .keys = server->batch.revoked,
                               .key_count = server->batch.revoked_count};
    if (item->framed)
        read_frame(server, item, &message, &fault, &event);
    return step(server, &event);
}

static int settle(struct server *server)
{
    size_t before = server->effects.count;
    server->now.random = draw(server);
    int rc = core_settle(server->core, server->now, &server->effects);
    note_forgotten(server, before);
    return rc;
}

/* Steps what is left of the batch, or as much as fits into the time: some events are a thousand
 * jobs. */
static int step_all(struct server *server)
{
    struct core_event tick = {.kind = CORE_TICK};
    struct batch *batch = &server->batch;
    uint64_t until = clock_mono_ms() + STEP_MS_MAX;
    size_t at = batch->done;
    int rc = 0;
    while (rc == 0 && at < server->end && (at == batch->done || clock_mono_ms() <= until))
        rc = step_item(server, &batch->at[at++]);
    server->end = at;
    if (rc == 0 && server->tick && at == batch->count)
        rc = step(server, &tick);
    return rc == 0 ? settle(server) : rc;
}

/* --- commit -------------------------------------------------------------------------------- */

static int try_commit(struct server *server)
{
    server->effects.watched = watchers_any(&server->watchers);
    int rc = store_begin(server->store);
    if (rc == 0)
        rc = step_all(server);
    return rc == 0 ? store_commit(server->store) : rc;
}

static int undo(struct server *server)
{
    store_abort(server->store);
    effects_clear(&server->effects);
    server->now.random = draw(server);
    return core_rebuild(server->core, server->now);
}

/* Not even answers fit: these events are dropped, whoever asked will ask again. */
static int give_up(struct server *server)
{
    struct pollfd signals = {.fd = server->signal_fd, .events = POLLIN};
    log_warning("no_room", "the disk is full; %zu messages were dropped",
                server->end - server->batch.done);
    int rc = undo(server);
    poll(&signals, 1, NO_ROOM_PAUSE_MS);
    return rc;
}

static int commit(struct server *server)
{
    server->end = server->batch.count;
    int rc = try_commit(server);
    if (rc == -ENOSPC && server->now.mono_ms >= server->no_room_until) {
        log_warning("no_room", "the disk is full; submits are refused");
        server->no_room_until = server->now.mono_ms + NO_ROOM_MS;
        rc = undo(server);
        if (rc == 0)
            rc = try_commit(server);
    }
    return rc == -ENOSPC ? give_up(server) : rc;
}

/* --- send ---------------------------------------------------------------------------------- */

static int send_to_peer(struct server *server, enum socket_kind kind, const struct effect *effect,
                        struct slice frame)
{
    struct slice route = peers_route(server->peers, effect->peer);
    if (route.len == 0) {
        peers_fail(server->peers, effect->peer, effect->dispatch); /* it has failed already */
        return 0;
    }
    int rc = sockets_send(server->sockets, kind, route, frame);
    if (rc == 1) {
        log_debug("peer_gone", "a peer of the %s endpoint can't be reached", socket_name(kind));
        peers_fail(server->peers, effect->peer, effect->dispatch);
    }
    return rc < 0 ? rc : 0;
}

static int publish(struct server *server, const struct effect *effect, struct slice frame)
{
    char topic[UUID_TEXT_LEN + 1];
    uuid_format(&effect->topic, topic);
    if (!watchers_want(&server->watchers, (struct text){topic, UUID_TEXT_LEN}))
        return 0;
    struct slice head = {(const uint8_t *)topic, UUID_TEXT_LEN};
    int rc = sockets_send(server->sockets, SOCKET_EVENTS, head, frame);
    return rc < 0 ? rc : 0;
}

static int send_one(struct server *server, const struct effect *effect)
{
    struct slice frame = {server->effects.bytes.at + effect->offset, effect->len};
    switch (effect->kind) {
    case EFFECT_SEND_CLIENT:
        return send_to_peer(server, SOCKET_CLIENTS, effect, frame);
    case EFFECT_SEND_WORKER:
        return send_to_peer(server, SOCKET_WORKERS, effect, frame);
    case EFFECT_PUBLISH:
        return publish(server, effect, frame);
    case EFFECT_FORGET:
        break; /* noted when it was stepped */
    }
    return 0;
}

static int send_effects(struct server *server)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < server->effects.count; i++)
        rc = send_one(server, &server->effects.at[i]);
    if (server->effects.bytes.cap > EFFECTS_KEEP_MAX)
        effects_fini(&server->effects);
    else
        effects_clear(&server->effects);
    return rc;
}

/* --- the loop ------------------------------------------------------------------------------ */

static int commit_and_send(struct server *server)
{
    int rc = commit(server);
    server->batch.done = server->end;
    if (rc == 0)
        return send_effects(server);
    log_error("batch_failed", "%s; the broker stops, a new start recovers", strerror(-rc));
    return rc;
}

static int turn(struct server *server)
{
    int rc = wait_for_input(server);
    if (rc == 0)
        rc = collect(server);
    bool any = server->batch.count > 0 || server->tick;
    while (rc == 0 && any) {
        rc = commit_and_send(server);
        any = server->batch.done < server->batch.count;
    }
    batch_release(&server->batch);
    peers_sweep(server->peers);
    return rc;
}

int server_run(struct server *server, struct core *core, struct store *store, int signal_fd)
{
    server->core = core;
    server->store = store;
    server->signal_fd = signal_fd;
    uint64_t now = clock_mono_ms();
    server->ticks = (struct ticks){.last_ms = now, .seen_ms = now};
    int rc = 0;
    while (rc == 0 && !server->stopping)
        rc = turn(server);
    return rc;
}
