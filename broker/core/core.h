/* The core: the state machine of all jobs, as a pure function.
 *
 *     (store, memory, event) → (store', memory', effects)
 *
 * It has no socket, clock, thread, file or randomness of its own: time, random draws and free
 * space come in with each event; what should be sent goes out as effects. The same events over the
 * same store give the same effects, bytes and all. Not thread-safe: one owner.
 *
 * A batch, as the server runs it (`server.c`) and the simulator too:
 *
 *     store_begin
 *     core_step(event, effects)      for each event; a bad message only earns an error answer
 *     core_settle(now, effects)      dispatches, writes counters, flushes what was gathered
 *     store_commit
 *     send the effects               never before the commit has returned 0
 *
 * If the commit fails with -ENOSPC: store_abort, effects_clear, core_rebuild, and the batch once
 * more with `no_room` set, so that its submits are refused. If anything returns another error:
 * stop; no effect may be sent. */
#ifndef REEVE_BROKER_CORE_CORE_H
#define REEVE_BROKER_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "broker/core/auth.h"
#include "base/zone.h"
#include "broker/store/store.h"
#include "proto/codec.h"

struct core;

/* What an operator may set. Texts are borrowed for the core's life. */
struct core_config {
    struct text program;         /* "reeve-broker 0.1.0", told in welcome */
    struct text events_endpoint; /* told in welcome */
    struct uuid broker;          /* this data directory's own id */
    uint64_t heartbeat_ms;       /* workers' interval */
    uint64_t lost_after_ms;      /* silence after which a lease is lost */
    uint64_t grace_ms;           /* from SIGTERM to SIGKILL */
    uint64_t retention_ms;       /* completed and failed jobs, unless they say otherwise */
    uint64_t journal_bytes;      /* kept of the journal; 0: none is written */
    uint64_t journal_age_ms;     /* and how long */
    uint64_t reserve_bytes;      /* below this much free disk, submits are refused */
    uint32_t params_size_max;
    struct zone_port zones; /* for schedules; by default only UTC is known */
};

/* Defaults for everything but the three identities. */
void core_config_init(struct core_config *config);

/* Now, twice: `mono_ms` never steps (leases, timeouts), `wall_ms` is people's time (due times). */
struct core_now {
    uint64_t mono_ms;
    uint64_t wall_ms;
    uint64_t random; /* a fresh draw for every event and settle */
};

enum core_event_kind {
    CORE_MESSAGE = 1, /* `message` came from `peer` */
    CORE_BAD_MESSAGE, /* bytes from `peer` that are no message: `fault` says why */
    CORE_SEND_FAILED, /* an effect to `peer` could not be sent: it is gone or does not read */
    CORE_SUBSCRIBED,  /* somebody subscribed to the job `topic` */
    CORE_REVOKED,     /* these `keys` may no longer do what they could: their sessions end */
    CORE_TICK         /* time: what is due, lost or over happens now, and at no other event */
};

enum core_socket { CORE_CLIENTS = 1, CORE_WORKERS = 2 };

/* `peer`: a handle of the server's for one routing id on one socket; never 0. `auth`: whose key it
 * has proved to hold, the same for a peer's whole life; NULL where nobody has to. `keys`: in order
 * of their bytes. All borrowed until the effects are sent. */
struct core_event {
    enum core_event_kind kind;
    enum core_socket socket;
    uint32_t peer;
    struct core_now now;
    uint64_t free_bytes; /* room on the store's disk */
    bool no_room;        /* refuse submits: the batch did not fit */
    const struct message *message;
    const struct fault *fault;
    uint64_t unsent;  /* of a CORE_SEND_FAILED: its first dispatch that was not sent, or 0 */
    uint64_t request; /* of a CORE_BAD_MESSAGE, where it could be read */
    struct uuid topic;
    const struct core_auth *auth;
    const struct text *keys;
    size_t key_count;
};

enum effect_kind {
    EFFECT_SEND_CLIENT = 1, /* `bytes` to `peer` on the clients socket */
    EFFECT_SEND_WORKER,     /* the same on the workers socket */
    EFFECT_PUBLISH,         /* `bytes` under `topic` on the events socket */
    EFFECT_FORGET           /* the core has no session for `peer` any more */
};

struct effect {
    enum effect_kind kind;
    uint32_t peer;
    uint64_t dispatch; /* of a `dispatch`: its number, which grows; else 0 */
    struct uuid topic;
    size_t offset, len; /* in effects.bytes: one whole frame */
};

/* What a batch wants sent, in order. {0} is valid and empty. `watched`: set by the server while
 * anybody subscribes to events; otherwise none are encoded. */
struct effects {
    struct effect *at;
    size_t count, cap;
    struct buf bytes;
    bool watched;
};
void effects_clear(struct effects *effects);
void effects_fini(struct effects *effects);

/* Makes a core over an open store and rebuilds its memory from it (begins and commits a batch of
 * its own). Leases found there wait lost_after_ms for their workers to say hello again. The store
 * is borrowed until core_destroy. 0, -errno of the store, -ENOMEM. */
int core_new(const struct core_config *config, struct store *store, struct core_now now,
             struct core **core_out);
void core_destroy(struct core **core); /* NULL is fine */

/* One event inside an open batch. 0; < 0: the batch must be aborted. */
int core_step(struct core *core, const struct core_event *event, struct effects *effects);

/* The end of a batch: gives ready jobs to free slots, writes the counters, flushes what was
 * gathered per peer. Same results as core_step. */
int core_settle(struct core *core, struct core_now now, struct effects *effects);

/* After store_abort: forgets what the aborted batch did to memory and reads the store again.
 * Sessions stay. Inside no batch. */
int core_rebuild(struct core *core, struct core_now now);

/* When core_step must next be called with CORE_TICK, as mono_ms, given the clocks of the last
 * event; UINT64_MAX: never. */
uint64_t core_next_deadline(const struct core *core);

/* Figures for metrics and tests. */
struct core_figures {
    uint64_t sessions, workers, leases;
};
void core_figures(const struct core *core, struct core_figures *figures_out);

#endif
