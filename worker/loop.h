/* The connection's thread: socket, session and inbox brought together.
 *
 * One turn: wait (at most until the session's deadline), take what came in, step it, flush, carry
 * out the effects. Must never run or wait for a handler. */
#ifndef REEVE_WORKER_LOOP_H
#define REEVE_WORKER_LOOP_H

#include <stdatomic.h>

#include "client/socket_curve.h"
#include "worker/inbox.h"
#include "worker/job.h"
#include "worker/session.h"

struct loop_config {
    const char *broker; /* endpoint */
    const struct client_curve *curve;
    struct wsession_config session;
    const struct job_handler *handlers;
    size_t handler_count;
    struct inbox *inbox;
    void (*on_ready)(void *arg); /* NULL: nobody */
    void *arg;
    atomic_ullong *lost_after_ms; /* written at each welcome */
};

/* Works until the session has ended. Everything in `config` is borrowed. 0, -EINVAL (endpoint),
 * -ENOMEM, -EAGAIN (threads), -EACCES (the broker does not let this worker in, said on the log),
 * another -errno; then all handlers were told to stop and have
 * returned. */
int loop_run(const struct loop_config *config);

#endif
