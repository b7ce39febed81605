/* A client's session with the broker, as a pure state machine: what happens comes in with its
 * time, what should be sent and what has ended is taken out.
 *
 * It says hello, keeps every unanswered request with its frame, and sends them all again when the
 * broker answers UNKNOWN_SESSION (it restarted, or the connection was a new one): ids that clients
 * make, and idempotency keys, make that safe. While requests are open it pings, so that a restarted
 * broker is noticed although nothing else is sent.
 * Must never touch a socket, a clock, a thread or a source of randomness: conn.c and the simulator
 * drive the same code. One owner at a time.
 *
 *     …_request, …_receive, …_receive_bad, …_tick    things that happen
 *     …_next_send + …_sent      until there is nothing to send, or the socket is full
 *     …_next_ended              until 0
 *     …_next_deadline           when to tick
 *
 * Times are milliseconds of one monotonic clock. What cannot be sent now simply stays where it is:
 * the bounds are requests_max and bytes_max. */
#ifndef REEVE_CLIENT_SESSION_H
#define REEVE_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "proto/codec.h"

enum {
    SESSION_HELLO_MS = 2000,      /* wait for a welcome, doubled with each try up to … */
    SESSION_HELLO_MAX_MS = 10000, /* … this */
    SESSION_PING_MS = 2000,       /* between pings while requests are open */
    SESSION_SILENCE_MS = 6000,    /* nothing heard although asked: greet again */
    SESSION_RESEND_MS = 5000      /* a request this old, with a later ping answered, was lost */
};

struct client_session;

/* Texts are copied. */
struct client_session_config {
    struct uuid id;      /* this process's session */
    uint64_t epoch;      /* grows with every start of the same session */
    struct text role;    /* "producer", "gateway", … */
    struct text owner;   /* may be empty */
    struct text program; /* may be empty */
    uint32_t requests_max;
    size_t bytes_max; /* of open requests' frames */
    bool always_ping; /* also while no request is open */
};

/* 0, -ENOMEM. The first thing it wants sent is hello. */
int client_session_new(const struct client_session_config *config,
                       struct client_session **session_out);
/* Open requests are forgotten without a word. NULL is fine. */
void client_session_destroy(struct client_session **session);

/* Opens a request that ends by an answer or at `deadline_ms`. `tag` comes back with its end. The
 * message is borrowed during the call; its envelope.request is set on the way out. 0; -EAGAIN
 * beyond the bounds; -EMSGSIZE; -ENOMEM. */
int client_session_request(struct client_session *session, uint64_t now_ms,
                           const struct message *message, uint64_t deadline_ms, void *tag);

/* How a request ended: 0 with the answer, or -ETIMEDOUT, -ECONNREFUSED, -EMSGSIZE, -EPROTO without.
 * `sends`: how many copies may have reached a session (0: it surely had no effect). */
struct client_session_end {
    void *tag;
    int status;
    const struct message *answer; /* the very message of client_session_receive */
    uint32_t sends;
};

/* A message came. 1: it ended a request, *end_out is filled; 0: it did not. */
int client_session_receive(struct client_session *session, uint64_t now_ms,
                           const struct message *message, struct client_session_end *end_out);
/* Bytes came that are no message; `request` is what could be read of their number, or 0. */
int client_session_receive_bad(struct client_session *session, uint64_t now_ms, uint64_t request,
                               struct client_session_end *end_out);

/* Time passes: pings, hellos and silence become due. */
void client_session_tick(struct client_session *session, uint64_t now_ms);
/* Takes out one request that ended otherwise than by an answer. 1: *end_out is filled; 0: none. */
int client_session_next_ended(struct client_session *session, uint64_t now_ms,
                              struct client_session_end *end_out);

/* The next frame to send, borrowed until another call; false: nothing. The same frame comes again
 * until client_session_sent says that it is out. */
bool client_session_next_send(struct client_session *session, struct slice *frame_out);
void client_session_sent(struct client_session *session, uint64_t now_ms);

/* When client_session_tick and client_session_next_ended have something to do; 0: at once;
 * UINT64_MAX: never. */
uint64_t client_session_next_deadline(const struct client_session *session);

/* The connection is refused: as if the answer to hello had been this error. The next hello goes out
 * as soon as there is a connection again. */
void client_session_refuse(struct client_session *session, uint64_t now_ms, enum wire_error error,
                           const char *why);

/* Wants bye sent, and nothing else any more. */
void client_session_leave(struct client_session *session);

/* Requests with this tag end unheard. */
void client_session_abandon(struct client_session *session, const void *tag);
/* Takes out any open request, oldest first, for an owner that ends. 1: its tag is in *tag_out. */
int client_session_take(struct client_session *session, void **tag_out);

bool client_session_is_up(const struct client_session *session);
uint32_t client_session_open_count(const struct client_session *session);

/* What the last welcome said (numbers; texts live until the next welcome); the protocol's own
 * bounds before the first. */
struct client_session_peer {
    uint64_t message_size_max, params_size_max, batch_jobs_max;
    struct text events;
    uint64_t welcomes; /* how many there were: sessions after the first are returns */
};
const struct client_session_peer *client_session_peer(const struct client_session *session);

/* Why the broker refuses the session, or NULL. */
const struct fault *client_session_refusal(const struct client_session *session);

#endif
