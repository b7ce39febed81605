/* A broker in a thread: real sockets, hello and ping as they should be, everything else as a test
 * says. It forgets its sessions when it is stopped, as a restarted broker does.
 * Must never be used outside tests. */
#ifndef REEVE_TESTS_CLIENT_FAKE_BROKER_H
#define REEVE_TESTS_CLIENT_FAKE_BROKER_H

#include <stdbool.h>

#include "base/buf.h"
#include "proto/codec.h"

struct fake_broker;

/* Fills the answer to a request, its bytes appended to `bytes` (reserved generously: it does not
 * move). False: no answer. Called in the broker's thread. */
typedef bool fake_answer(void *arg, const struct message *request, struct buf *bytes,
                         struct message *answer_out);

/* Binds to free ports, or again to those of `before` (a stopped one; NULL: none). */
struct fake_broker *fake_start(fake_answer *answer, void *arg, const struct fake_broker *before);
/* Closes its sockets and joins its thread; its endpoints can still be asked for. */
void fake_stop(struct fake_broker *fake);
void fake_free(struct fake_broker *fake);

/* Keeps the broker's thread out of what `arg` points to. */
void fake_lock(struct fake_broker *fake);
void fake_unlock(struct fake_broker *fake);

const char *fake_endpoint(const struct fake_broker *fake);

/* How many messages of a kind have come in so far. */
unsigned fake_count(struct fake_broker *fake, enum message_id id);
/* As long as it is deaf, it reads and answers nothing but hello and ping. */
void fake_deaf(struct fake_broker *fake, bool deaf);
/* Answers every hello with this error from now on; "" ends it. */
void fake_refuse(struct fake_broker *fake, const char *code);
/* Whether somebody subscribed to this job since the start. */
bool fake_subscribed(struct fake_broker *fake, const struct uuid *job);
/* Publishes event_is or standing_is under its job's topic. */
void fake_publish(struct fake_broker *fake, const struct uuid *job, const struct message *message);

#endif
