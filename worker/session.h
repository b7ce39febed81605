/* A worker's session with the broker, as a pure state machine: events in, effects out.
 *
 * It says hello, beats, takes dispatches, keeps reports until they are stored and results until
 * they are settled, enforces the handlers' timeouts, and says all of it again after a reconnect.
 * It must never touch a socket, a clock, a thread, a file or a source of randomness: time and
 * random draws come in with each event, so that the simulator runs this very code. Not
 * thread-safe: one owner.
 *
 * The owner's loop:
 *
 *     wsession_step      for each thing that happened
 *     wsession_flush     once: whatever was gathered becomes messages
 *     carry out the effects in their order, wsession_effects_clear
 *     wait until wsession_next_deadline, then step a WSESSION_TICK
 *
 * Words: a *hold* is a dispatch in this worker's hands: its handler runs, or its result is not yet
 * settled. Only `settled` ends a hold. */
#ifndef REEVE_WORKER_SESSION_H
#define REEVE_WORKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "proto/codec.h"

enum {
    WSESSION_LISTED_MS = 100,         /* a new handler is listed in a beat this soon, so that the
                                         broker counts it if the worker dies of it */
    WSESSION_PROGRESS_MS = 250,       /* progress of one handler is sent at most this often */
    WSESSION_HELLO_MS = 1000,         /* wait for welcome, doubled with each try up to … */
    WSESSION_HELLO_MAX_MS = 10000,    /* … this, and jittered down to a half */
    WSESSION_RESEND_MS = 5000,        /* unanswered reports and results go out again, doubled … */
    WSESSION_RESEND_MAX_MS = 60000,   /* … up to this */
    WSESSION_RELEASE_GRACE_MS = 1000, /* from SIGTERM to SIGKILL when all is given back */
    WSESSION_RELEASE_MS = 5000,       /* how long a released session waits to be heard */
    WSESSION_REPORTS_MAX = 5000,      /* reports of one handler that wait for the broker … */
    WSESSION_REPORTS_SIZE_MAX = 1024 * 1024 /* … and their bytes: then the oldest logs go */
};

struct wsession;

/* Texts and lists are borrowed for the session's life. */
struct wsession_config {
    struct uuid id;      /* this process's session */
    uint64_t epoch;      /* grows with every start of the same session */
    struct text program; /* "reeve-worker 0.1.0" */
    struct text name, host;
    uint64_t pid;
    const struct text *queues;
    size_t queue_count;
    const struct text *types;
    size_t type_count;
    uint32_t slots;    /* handlers at once: 1 to WORKER_SLOTS_MAX */
    uint64_t grace_ms; /* from SIGTERM to SIGKILL, where the broker does not say */
};

struct wsession_now {
    uint64_t mono_ms; /* never steps */
    uint64_t wall_ms; /* people's time: only written into reports */
    uint64_t random;  /* a fresh draw for every event */
};

/* A dispatch: the job and the fence that may change it. */
struct wsession_hold {
    struct uuid job;
    uint64_t fence;
};

enum wsession_event_kind {
    WSESSION_MESSAGE = 1, /* `message` came from the broker */
    WSESSION_SEND_FAILED, /* a frame could not be sent: the connection takes no more */
    WSESSION_REPORT,      /* the handler of `hold` reported `report` */
    WSESSION_FINISHED,    /* the handler of `hold` has ended as `done` says */
    WSESSION_DRAIN,       /* take nothing new; end when nothing is held any more */
    WSESSION_RELEASE,     /* stop all handlers, give the jobs back, end */
    WSESSION_TICK         /* nothing but time; the very first tick says hello */
};

/* All pointers are borrowed during the call. Of `report` exactly one of progress, stage, log,
 * checkpoint, step is set, and `at` (0: now); of `done` outcome, result, error, retry_after_ms.
 * Job, fence and n are filled in by the session. */
struct wsession_event {
    enum wsession_event_kind kind;
    struct wsession_now now;
    struct wsession_hold hold;
    const struct message *message;
    const struct wire_report_item *report;
    const struct wire_done_item *done;
};

/* Why a handler is to stop. */
enum wsession_reason {
    WSESSION_GOES_ON = 0,
    WSESSION_CANCELLED,
    WSESSION_TIMEOUT,
    WSESSION_STALE,    /* the lease is gone: what it does is in vain */
    WSESSION_RELEASED, /* this worker ends */
    WSESSION_STUCK     /* it reported nothing for too long */
};
const char *wsession_reason_word(enum wsession_reason reason); /* "cancelled"; "" */

enum wsession_effect_kind {
    WSESSION_SEND = 1,  /* bytes: one frame for the broker */
    WSESSION_RECONNECT, /* forget the connection and whatever waits in it; connect anew */
    WSESSION_RUN,       /* bytes: a dispatch_item (names as keys); run its handler, then say
                           WSESSION_FINISHED, whatever happens */
    WSESSION_STOP,      /* end the handler of `hold`: `reason`, `grace_ms`; may come again, for
                           another reason or with a shorter grace */
    WSESSION_WELCOMED,  /* the broker has taken us, for the first time or again */
    WSESSION_NOTE,      /* bytes: a sentence for the log: something is wrong with the broker's
                           answers */
    WSESSION_REFUSED,   /* the broker does not let this worker in, and won't: a note has said so */
    WSESSION_ENDED      /* everything is said, bye included; the last effect of all */
};

struct wsession_effect {
    enum wsession_effect_kind kind;
    enum wsession_reason reason;
    struct wsession_hold hold; /* RUN, STOP */
    uint64_t grace_ms;
    size_t offset, len; /* in effects.bytes */
};

/* {0} is valid and empty. */
struct wsession_effects {
    struct wsession_effect *at;
    size_t count, cap;
    struct buf bytes;
};
void wsession_effects_clear(struct wsession_effects *effects);
void wsession_effects_fini(struct wsession_effects *effects);
/* What an effect carries; borrowed until the effects grow or are cleared. */
struct slice wsession_effect_bytes(const struct wsession_effects *effects,
                                   const struct wsession_effect *effect);

/* 0, -ENOMEM. */
int wsession_new(const struct wsession_config *config, struct wsession **session_out);
void wsession_destroy(struct wsession **session); /* NULL is fine */

/* One event. 0; -ENOMEM: the event has no effect or half of one: end the session. Events after
 * WSESSION_ENDED, and those of holds it does not know, change nothing. */
int wsession_step(struct wsession *session, const struct wsession_event *event,
                  struct wsession_effects *effects);

/* Sends what was gathered: reports, then results. Same results as wsession_step. */
int wsession_flush(struct wsession *session, struct wsession_now now,
                   struct wsession_effects *effects);

/* When the session must be ticked and flushed next, as mono_ms; 0: at once; UINT64_MAX: never. */
uint64_t wsession_next_deadline(const struct wsession *session);

/* Figures for logs, metrics and tests. */
struct wsession_figures {
    bool live; /* welcomed, and the broker speaks */
    bool ended;
    uint32_t holds;                       /* listed in heartbeats */
    uint32_t running;                     /* of these, handlers that have not ended */
    uint64_t heartbeat_ms, lost_after_ms; /* as the broker dictates; the defaults before */
    uint64_t stale;                       /* results and reports refused as stale */
};
struct wsession_figures wsession_figures(const struct wsession *session);

#endif
