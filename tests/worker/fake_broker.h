/* A broker's workers socket for tests of the connection: a ROUTER that does what it is told.
 * Must never be included outside tests/worker. */
#ifndef REEVE_TESTS_WORKER_FAKE_BROKER_H
#define REEVE_TESTS_WORKER_FAKE_BROKER_H

#include <stddef.h>

#include "proto/codec.h"

struct fake_broker {
    void *context, *router;
    char endpoint[128];
    char peer[64]; /* routing id of who spoke last */
    size_t peer_len;
    unsigned char frame[1 << 20]; /* the last message */
    struct message message;
    unsigned beats, reports; /* taken on the way by fake_broker_await */
    bool forgetful;          /* nobody has said hello since it came back */
};

void fake_broker_open(struct fake_broker *broker);
/* Gone, with everything in its queues; and back on the same endpoint, knowing nobody. */
void fake_broker_close(struct fake_broker *broker);
void fake_broker_reopen(struct fake_broker *broker);
void fake_broker_fini(struct fake_broker *broker);

/* The next message of that kind (10 s at most, else the test fails); beats are answered, reports
 * acknowledged and counted, on the way there. Lives until the next call. */
const struct message *fake_broker_await(struct fake_broker *broker, enum message_id id);

void fake_broker_send(struct fake_broker *broker, struct message *message);
/* Awaits hello and answers it; beats every `heartbeat_ms`. */
void fake_broker_welcome(struct fake_broker *broker, uint64_t heartbeat_ms);
/* A job whose id's bytes are all `letter`. `params`: encoded, may be empty. */
void fake_broker_dispatch(struct fake_broker *broker, char letter, uint64_t fence, const char *type,
                          struct slice params);
void fake_broker_stop(struct fake_broker *broker, char letter, uint64_t fence, const char *reason);
void fake_broker_settle(struct fake_broker *broker, char letter, uint64_t fence);

/* The first item of a done that was awaited, and its error. */
struct wire_done_item fake_broker_done(const struct message *message,
                                       struct wire_failure *failure_out);

#endif
