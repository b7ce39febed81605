/* Follows one job: makes a stream without gap or repeat of events that may be lost.
 *
 * What is published is only a hint: every event has the job's next rev, so a missing one shows with
 * the next, and the last one by asking for the rev now and then. What is missing is fetched from
 * the job's event table; where that no longer has it, the stream starts again from a snapshot.
 * Must never touch a socket, a clock or memory of its own: a pure state machine, embedded in its
 * owner; conn, the gateway's streams and the simulator drive the same code. One owner at a time.
 *
 *     subscribe, watch_init, then again and again:
 *     watch_next_ask      what to ask the broker now; the answer goes to watch_answer
 *     watch_published     every event_is and standing_is that comes in
 *     watch_next_deadline when to call watch_next_ask although nothing came in
 *
 * News are delivered by callback from watch_answer, watch_published and watch_revs, in this order:
 * snapshot, event*, (reset, snapshot, event*)*, then ended or gone, and nothing after that. Times
 * are milliseconds of one monotonic clock. */
#ifndef REEVE_CLIENT_WATCH_H
#define REEVE_CLIENT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "proto/codec.h"

enum {
    WATCH_QUIET_MS = 2000, /* nothing heard for so long: ask for the rev */
    WATCH_BLIND_MS = 50,   /* the same without events, doubled with each ask up to the above */
    WATCH_AGAIN_MS = 1000, /* after an ask that failed */
    WATCH_EVENTS_MAX = 200 /* events of one answer */
};

enum watch_news_kind {
    WATCH_SNAPSHOT = 1, /* the job as it is: `job_is`, and `job` decoded from it */
    WATCH_EVENT,        /* `event`, and its bytes (a map of shape event) in `encoded` */
    WATCH_RESET,        /* events are missing that nobody keeps any more; a snapshot follows */
    WATCH_ENDED,        /* the job has ended as `status`, and its handler is gone */
    WATCH_GONE          /* there is no such job (any more): `error` says so */
};

/* Everything is borrowed during the callback; pointers of other kinds are NULL. */
struct watch_news {
    enum watch_news_kind kind;
    enum job_state status; /* the latest known */
    uint64_t rev;          /* the stream is complete up to here */
    const struct msg_job_is *job_is;
    const struct wire_job *job;
    const struct wire_event *event;
    struct slice encoded;
    struct wire_fault error;
};

/* Must not call back into the watch. */
typedef void watch_deliver(void *arg, const struct watch_news *news);

enum watch_ask {
    WATCH_ASK_NOTHING,
    WATCH_ASK_JOB,    /* get_job {id} */
    WATCH_ASK_EVENTS, /* get_events {id, after, limit} */
    WATCH_ASK_REVS    /* get_revs {[id]}: many watches may share one message */
};

/* Read what you like, write nothing but `blind`. */
struct watch {
    struct uuid job;
    watch_deliver *deliver;
    void *arg;
    struct opt_u64 after;
    uint64_t last;            /* delivered up to this rev */
    uint64_t seen;            /* there are events up to this rev */
    struct wire_standing now; /* the latest standing that is known */
    enum watch_ask asked;     /* and not answered yet */
    uint64_t ask_at;          /* no ask before */
    uint64_t quiet_at;        /* ask for the rev then */
    bool blind;               /* the owner: no events will come in, only answers */
    uint32_t blind_ms;        /* how long to wait for the next ask, then */
    bool snapshot_wanted;
    bool done;
};

/* `after` set: events after that rev follow the first snapshot, also those that it includes (0: all
 * that are kept); otherwise only what comes after the snapshot. Nothing to fini. */
void watch_init(struct watch *watch, const struct uuid *job, struct opt_u64 after,
                watch_deliver *deliver, void *arg);

/* What to ask now; it counts as asked. Only one ask is open at a time. */
enum watch_ask watch_next_ask(struct watch *watch, uint64_t now_ms);

/* Makes a WATCH_ASK_JOB or WATCH_ASK_EVENTS into the message to send, or a WATCH_ASK_REVS for this
 * one job; `scratch` is cleared and holds its list. 0, -ENOMEM. */
struct buf;
int watch_request(const struct watch *watch, enum watch_ask ask, struct buf *scratch,
                  struct message *request_out);

/* The answer to what was asked: job_is, events, revs or error; NULL when none came. */
void watch_answer(struct watch *watch, uint64_t now_ms, const struct message *answer);

/* A shared get_revs was answered: this job's standing, or NULL where the answer has none. */
void watch_revs(struct watch *watch, uint64_t now_ms, const struct wire_standing *standing);

/* An event_is or standing_is came in, of this job or of another one. */
void watch_published(struct watch *watch, uint64_t now_ms, const struct message *message);

/* When watch_next_ask will want something, if nothing comes in before; 0: now; UINT64_MAX: never
 * (done, or an ask is open). */
uint64_t watch_next_deadline(const struct watch *watch);

/* After ended or gone. */
static inline bool watch_is_done(const struct watch *watch)
{
    return watch->done;
}

#endif
