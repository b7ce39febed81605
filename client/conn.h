/* A connection to the broker: the sockets under a session, for one thread, never blocking.
 *
 * One DEALER to the clients endpoint carries the session (client/session.h: hello, resends, pings,
 * timeouts); one SUB to the events endpoint brings what happens to the jobs that are watched, and
 * is opened with the first subscription. libzmq reconnects by itself; requests that were open when
 * the broker went away are sent again when it is back, until their time is up.
 * Must never block, call back outside of conn_process, or be used from two threads.
 *
 * The owner's loop:
 *
 *     conn_fds                              once: the descriptors never change
 *     for (;;) {
 *         deadline = conn_next_deadline     after any other call of this conn, before every poll
 *         poll(fds, POLLIN, until deadline) not at all where it is in the past: 0 means "now"
 *         conn_process(conn, clock_mono_ms())
 *     }
 *
 * The descriptors are libzmq's (ZMQ_FD): edge-triggered, readable only says "look again". That is
 * taken care of as long as conn_next_deadline is asked before each poll. */
#ifndef REEVE_CLIENT_CONN_H
#define REEVE_CLIENT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "client/socket_curve.h"
#include "proto/codec.h"

struct conn;

enum {
    CONN_FDS_MAX = 3,
    CONN_CALLS_DEFAULT = 1024,             /* open calls */
    CONN_BYTES_DEFAULT = 64 * 1024 * 1024, /* and the bytes of their requests */
    CONN_CALL_MS_MAX = 24 * 3600 * 1000    /* the longest timeout_ms of a call */
};

/* Strings are borrowed during conn_open only. {0} with a broker is a good start. */
struct conn_options {
    const char *broker; /* clients endpoint, required: "tcp://127.0.0.1:5570" */
    const char *events; /* events endpoint; NULL: the one welcome tells, where a wildcard host
                           (`*`, 0.0.0.0, [::]) becomes the host of `broker` */
    const char *role;   /* producer, gateway, admin, observer; NULL: what the key is, without one
                           producer */
    const char *owner;  /* whose session it is; NULL: the broker decides */
    const struct client_curve *curve; /* keys; NULL: none. Not kept here, only in libzmq */
    const char *program;              /* "reeve-gateway 0.1.0"; NULL: the library's name */
    uint32_t calls_max;               /* 0: CONN_CALLS_DEFAULT */
    size_t bytes_max;                 /* 0: CONN_BYTES_DEFAULT */
    bool always_ping; /* ping also while no call is open, so that conn_is_up is fresh (2 s) */
};

/* How a call ended. `status`:
 *   0               `answer` is the broker's; it may be MSG_ERROR. Its bytes live during the call.
 *   -ETIMEDOUT      no answer in time. The request may have taken effect, or may yet.
 *   -ECONNABORTED   conn_close
 *   -ECONNREFUSED   the broker refuses this connection or session (conn_refusal says why); calls
 *                   made afterwards end the same way, until one that is tried now and then
 *                   succeeds
 *   -EMSGSIZE       the request is larger than the broker takes (conn_limits)
 *   -EPROTO         an answer came that could not be read
 * `answer` is NULL unless status is 0. `resent`: the request went out more than once (the broker
 * restarted), so a cancel answered with CONFLICT may be this very cancel. May make new calls,
 * subscribe and unsubscribe; must not call conn_process, conn_close or conn_next_deadline. */
struct conn_outcome {
    int status;
    const struct message *answer;
    bool resent;
};
typedef void conn_callback(void *arg, const struct message *answer, int status);
typedef void conn_outcome_callback(void *arg, const struct conn_outcome *outcome);

/* `message` is event_is or standing_is; its bytes live during the call. The same rules. */
typedef void conn_event_callback(void *arg, const struct message *message);

/* Makes the sockets and starts connecting; returns at once, also where nobody listens. 0, -EINVAL
 * (an endpoint that cannot be read, or a text over the limits), -ENOMEM, -EMFILE, another -errno.
 */
int conn_open(const struct conn_options *options, struct conn **conn_out);

/* Says bye, ends every open call with -ECONNABORTED (their callbacks run inside), frees everything;
 * may take 200 ms to get the last bytes out. NULL is fine; *conn is NULL afterwards. */
void conn_close(struct conn **conn);

/* The descriptors to poll for POLLIN, CONN_FDS_MAX at most. The same from open to close. */
size_t conn_fds(const struct conn *conn, int fds_out[CONN_FDS_MAX]);

/* Receives, calls back, sends, and ends what is over time; bounded work, never blocks. 0, or
 * -errno where the sockets are of no use any more (out of memory, context gone). */
int conn_process(struct conn *conn, uint64_t now_mono_ms);

/* When conn_process must next be called, as clock_mono_ms; 0: at once; UINT64_MAX: only when a
 * descriptor says so. Not const: asking libzmq is what re-arms its descriptors. */
uint64_t conn_next_deadline(struct conn *conn);

/* Sends a request; `callback` runs exactly once, inside a later conn_process (or conn_close), with
 * `arg`. `request` is borrowed during the call; its envelope is the caller's (owner, admin, charge)
 * but for `request`, which is set here. timeout_ms: 1 to CONN_CALL_MS_MAX, from now, over all
 * reconnects. 0; then the callback will come. -EAGAIN: too many calls or bytes are open; -EMSGSIZE:
 * larger than the broker takes; -ENOMEM; -EINVAL; -ECONNABORTED inside conn_close; then it will
 * not. */
int conn_call(struct conn *conn, const struct message *request, uint64_t timeout_ms,
              conn_callback *callback, void *arg);

/* The same, for those who want to know whether the request was sent again. */
int conn_call_outcome(struct conn *conn, const struct message *request, uint64_t timeout_ms,
                      conn_outcome_callback *callback, void *arg);

/* The callbacks of open calls made with `arg` will not come any more. What was asked may still take
 * effect at the broker. Walks all open calls. */
void conn_abandon(struct conn *conn, const void *arg);

/* Who gets the events; set it before the first subscription. */
void conn_on_event(struct conn *conn, conn_event_callback *callback, void *arg);

/* From now on the events of a job come in, first of all a standing_is (where the broker is there),
 * again after every reconnect. Counted: as many unsubscribes as subscribes end it. Events may be
 * lost and a standing may be repeated: client/watch.h makes a gapless stream of it. 0, -ENOMEM,
 * another -errno. */
int conn_subscribe(struct conn *conn, const struct uuid *job);
int conn_unsubscribe(struct conn *conn, const struct uuid *job);

/* The events of all jobs that the broker publishes. */
int conn_subscribe_all(struct conn *conn);
int conn_unsubscribe_all(struct conn *conn);

/* Is there a session, and did the broker speak within the last seconds while it was asked to? An
 * idle connection without always_ping stays up until it is used. */
bool conn_is_up(const struct conn *conn);

/* Is there a session, but no events endpoint that it may use? Then nothing comes in of what was
 * subscribed to (a broker with keys shows events to gateways and admins only). */
bool conn_is_blind(const struct conn *conn);

/* What welcome said; the protocol's own bounds until then. */
struct conn_limits {
    uint64_t message_size_max;
    uint64_t params_size_max;
    uint64_t batch_jobs_max;
};
struct conn_limits conn_limits(const struct conn *conn);

/* Why the broker refuses us, in the handshake or as an answer to hello: its error code and message,
 * borrowed until conn_process. NULL where it does not. */
const struct fault *conn_refusal(const struct conn *conn);

/* Why the last handshakes failed, as a sentence about the broker; "" where they did not. */
const char *conn_hint(const struct conn *conn);

#endif
