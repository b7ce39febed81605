/* The gateway's one connection to the broker: one thread owns both sockets (client/conn.h), all
 * others hand it calls and take answers.
 *
 * A call is queued under a mutex, the thread is woken by an eventfd, the answer comes back by
 * callback on the link's thread, as bytes that the asker owns. Open calls are bounded; beyond that
 * a call is refused at once. A guest (the streams) shares the thread: it sees the events, has a
 * deadline, and may use the connection.
 * Must never block a caller, nor run a call's callback on the caller's thread. */
#ifndef REEVE_GATEWAY_LINK_H
#define REEVE_GATEWAY_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "client/conn.h"
#include "proto/codec.h"

struct link;

/* Strings are borrowed during link_open only. */
struct link_options {
    const char *broker, *events; /* events: NULL for what the broker says */
    const char *program;
    const struct client_curve *curve; /* NULL: no keys */
    uint32_t calls_max;
    uint64_t answer_ms; /* how long a call may take while the broker is there */
    uint64_t away_ms;   /* how long it waits for a broker that is away */
};

/* Something to be run once on the link's thread. Intrusive: its owner keeps it until it ran. */
struct link_task {
    void (*run)(struct link_task *task);
    struct link_task *next;
};

/* One question to the broker; {0} but for the first three. It, and what `ask` points to, stay as
 * they are until `done`, which runs exactly once, on the link's thread. */
struct link_call {
    struct message ask;
    void (*done)(struct link_call *call);
    void *arg;
    int status; /* as conn_outcome's; 0: `answer` is a whole frame, the asker's to free */
    bool resent;
    struct buf answer;
    struct link *link;
    struct link_task task;
};

/* Who shares the thread. All run there; `arg` is passed to each. next_deadline: as clock_mono_ms.
 */
struct link_guest {
    void (*on_event)(void *arg, const struct message *message);
    void (*on_tick)(void *arg, uint64_t now_ms);
    uint64_t (*next_deadline)(void *arg);
    void *arg;
};

/* Opens the connection (which may come about later). 0; -EINVAL: an endpoint can't be read;
 * -ENOMEM, another -errno. */
int link_open(const struct link_options *options, struct link **link_out);
/* Between open and start. */
void link_invite(struct link *link, const struct link_guest *guest);
/* Starts the thread. 0, -errno. */
int link_start(struct link *link);

/* Any thread. 0: `done` will run; -EAGAIN: too many calls are open; -ESHUTDOWN: it is stopping. */
int link_ask(struct link *link, struct link_call *call);
/* Any thread; always taken, also while stopping. */
void link_post(struct link *link, struct link_task *task);
/* Is the broker there? Any thread. */
bool link_is_up(struct link *link);
/* Readable once the broker has refused us before it was ever there, which the log explains: wrong
 * keys, or none. Later refusals are only said on the log, since they may pass. */
int link_refused_fd(const struct link *link);

/* On the link's thread only: the connection, NULL after link_close; how long a call that is made
 * now may take. */
struct conn *link_conn(struct link *link);
uint64_t link_patience_ms(struct link *link);

/* Ends all open calls (-ECONNABORTED) and refuses new ones; tasks still run. */
void link_close(struct link *link);
/* Ends the thread, where it was started, after its last task. NULL is fine. */
void link_stop(struct link **link);

#endif
