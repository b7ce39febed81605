/* One connection to the broker: a DEALER that has said hello. One thread at a time. Everything
 * that goes wrong ends the program. */
#ifndef REEVE_TESTS_BENCH_LINK_H
#define REEVE_TESTS_BENCH_LINK_H

#include <stdbool.h>
#include <zmq.h>

#include "proto/codec.h"
#include "tests/bench/bench.h"

struct link {
    void *socket;
    struct buf out; /* the frame that is being made */
};

/* Connects, says hello and waits for the welcome. `slots` > 0: as a worker of the queue default
 * for jobs of the type bench. */
void link_open(struct link *link, void *context, const char *endpoint, uint32_t slots);
/* The same as an admin, who submits for others and sees all jobs. */
void link_open_admin(struct link *link, void *context, const char *endpoint);
void link_close(struct link *link);

void link_send(struct link *link, const struct message *message);
/* Sends bytes that are a frame already. */
void link_send_frame(struct link *link, struct slice frame);

/* Waits up to `wait_ms` (< 0: for ever) for a frame, which the caller closes. */
bool link_receive(struct link *link, zmq_msg_t *frame, long wait_ms);

/* Reads a frame that must be one of `id`; what it points at lives in the frame. */
void link_read(zmq_msg_t *frame, enum message_id id, struct message *message_out);

#endif
