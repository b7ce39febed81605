/* What the files of the session share: its memory, and the calls between them.
 *
 * Must never be included outside worker/session*.c. session.c has the conversation (hello, beats,
 * stale lists, the end), session_holds.c a dispatch's way from RUN to settled, session_reports.c
 * what handlers say on the way, session_send.c effects and batches. Functions that return int give
 * 0 or -ENOMEM. */
#ifndef REEVE_WORKER_SESSION_PARTS_H
#define REEVE_WORKER_SESSION_PARTS_H

/* Out of memory inside a table is reported to the caller instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/heap.h"
#include "worker/session.h"

enum report_kind {
    REPORT_PROGRESS,
    REPORT_STAGE,
    REPORT_LOG,
    REPORT_CHECKPOINT,
    REPORT_STEP,
    REPORT_KINDS
};

/* One report, kept until the broker has stored it. */
struct report {
    struct report *prev, *next;
    uint64_t n;       /* its number; 0: was never sent */
    uint64_t at;      /* wall */
    uint64_t request; /* of the message it was last sent in */
    enum report_kind kind;
    bool flying; /* sent on this connection, not acknowledged */
    bool alone;  /* goes in a message of its own: one it shared was refused */
    size_t len;
    uint8_t bytes[]; /* the encoded value */
};

/* The latest value of a kind where only that counts; it joins the list when it is sent. */
struct newest {
    struct report *report;
    uint64_t next_at; /* mono: not sent before */
};

/* All that one handler said: first what was sent on this connection and is not acknowledged, then,
 * from `unsent` on, what is to be sent. */
struct reports {
    struct report *first, *unsent;
    struct newest newest[REPORT_KINDS]; /* no logs, no steps */
    uint64_t stage_key;                 /* which stage and status the newest one is of */
    uint64_t n;                         /* the last number given */
    size_t count, size;                 /* of the list; bytes of its values */
    uint64_t dropped;                   /* logs that went, and were not yet spoken of */
};

enum hold_state {
    HOLD_WAITS,   /* accepted; an older dispatch of the same job still runs here */
    HOLD_RUNS,    /* its handler runs */
    HOLD_FINISHED /* its handler has ended; `done` until it is settled */
};

struct hold {
    struct wsession_hold id;
    enum hold_state state;
    enum wsession_reason stop;
    bool stale; /* the broker no longer counts it among ours: it takes one of our slots */
    struct heap_node timeout;
    uint64_t timeout_ms;
    struct buf dispatch; /* while it waits: the dispatch_item */
    struct reports reports;
    struct hold *dirty_prev, *dirty_next; /* among those with reports to send */
    bool dirty;
    struct buf done;       /* the encoded done_item */
    uint64_t done_request; /* of the message it was last sent in; 0: to be sent */
    uint64_t done_at;      /* mono: when that was */
    bool done_alone;
    bool done_replaced;                 /* the broker did not take the first one */
    struct hold *done_prev, *done_next; /* among those whose result is to be sent */
    bool done_queued;
    UT_hash_handle hh;     /* by id */
    UT_hash_handle by_job; /* while its handler runs: never two of one job */
};

/* Items on their way into one message. */
struct batch {
    enum message_id id;
    struct buf items;
    size_t mark;
    uint32_t count;
    uint64_t request; /* the message's number; 0: none is open */
};

enum session_state { SESSION_SILENT, SESSION_GREETING, SESSION_LIVE, SESSION_ENDED };

struct wsession {
    struct wsession_config config;
    struct buf queues, types; /* as lists */
    enum session_state state;
    struct wsession_now now;
    struct wsession_effects *effects; /* of the current call */
    uint64_t request;                 /* the last number given to a message */

    uint64_t heartbeat_ms, lost_after_ms, message_size_max;
    uint64_t grace_ms;                   /* as the broker says it */
    uint64_t hello_request, hello_until; /* mono: greet again */
    uint32_t hellos;                     /* in a row without a beat */
    uint64_t beat_at;                    /* mono: when to beat next */
    uint64_t unheard_since;              /* mono: the first beat that got no answer; 0: none */

    bool draining, releasing;
    uint64_t release_until; /* mono */

    struct hold *holds;    /* by hh */
    struct hold *handlers; /* by by_job: in HOLD_RUNS */
    uint32_t running;      /* in HOLD_RUNS or HOLD_WAITS */
    uint32_t zombies;      /* stale, and still running */
    struct heap timeouts;

    struct hold *dirty;  /* list: have reports to send */
    struct hold *unsaid; /* list: have a result to send */
    struct batch batch;
    uint32_t flying;    /* reports sent and not acknowledged */
    uint64_t flew_at;   /* mono: when the last of them was sent */
    uint64_t resend_at; /* mono; UINT64_MAX: nothing waits for an answer */
    uint64_t resend_ms;
    uint64_t stale_count;
};

/* --- session.c --- */
/* Beats with the next flush, because what a beat says has changed. */
void session_beat_soon(struct wsession *session);
/* Beats then, if not before; mono. */
void session_beat_by(struct wsession *session, uint64_t when);

/* --- session_send.c --- */
int effect_add(struct wsession *session, const struct wsession_effect *effect, struct slice bytes);
int effect_note(struct wsession *session, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Gives the message a number (unless it has one) and sends it. */
int send_message(struct wsession *session, struct message *message);
/* Appends an item to the open batch of `id`, sending what is full before. *request_out: the number
 * of the message that will carry it. */
int batch_add(struct wsession *session, enum message_id id, const struct shape *shape,
              const void *item, uint64_t *request_out);
int batch_add_encoded(struct wsession *session, enum message_id id, struct slice item,
                      uint64_t *request_out);
int batch_send(struct wsession *session);
/* Something waits for an answer: it will be resent if none comes. */
void expect_answer(struct wsession *session);

/* --- session_holds.c --- */
struct hold *hold_find(const struct wsession *session, const struct uuid *job, uint64_t fence);
int holds_dispatch(struct wsession *session, const struct msg_dispatch *dispatch);
int holds_stop(struct wsession *session, const struct msg_stop *stop);
int holds_stale(struct wsession *session, struct slice list);
int holds_settled(struct wsession *session, const struct msg_settled *settled);
int holds_finished(struct wsession *session, const struct wsession_event *event);
int holds_release(struct wsession *session);
int holds_expire(struct wsession *session);
/* The message `request` was refused for good: what it carried alone fails, what shared it goes out
 * again, one by one. */
int holds_refused(struct wsession *session, uint64_t request, const struct msg_error *error);
/* Everything not settled is to be sent again: after a welcome, or (`older_than`: mono) because no
 * answer came. */
void holds_resend(struct wsession *session, uint64_t older_than);
int holds_send(struct wsession *session);
/* Appends the list of what is held. */
int holds_list(const struct wsession *session, struct buf *out);
void holds_fini(struct wsession *session);

/* --- session_reports.c --- */
/* Keeps a copy of what the handler reported. */
int reports_take(struct wsession *session, struct hold *hold, const struct wire_report_item *item);
int reports_stored(struct wsession *session, const struct msg_reported *reported);
/* How many reports of this handler the message `request` carried. */
uint32_t reports_in(const struct hold *hold, uint64_t request);
/* That message was refused for good: what it carried goes out again, one by one; `drop`: is gone.
 */
void reports_refused(struct wsession *session, struct hold *hold, uint64_t request, bool drop);
/* What is not acknowledged is to be sent again. */
void reports_resend(struct wsession *session, struct hold *hold);
/* Sends all that a handler has said, due or not. */
int reports_send_all(struct wsession *session, struct hold *hold);
/* Sends a batch of what is due, unless one is on its way. */
int reports_send_due(struct wsession *session);
/* When something becomes due, mono; UINT64_MAX: only after an acknowledgement. */
uint64_t reports_next(const struct wsession *session);
void reports_fini(struct wsession *session, struct hold *hold);

#endif
