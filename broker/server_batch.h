/* What waits on the sockets, bounded, kept until all of it is committed.
 *
 * Messages that are decoded from a frame point into it, so frames live until batch_release; and
 * what did not fit on the disk is stepped a second time from the same frames. Must never
 * wait, and never look into a frame (but a subscription's). */
#ifndef REEVE_BROKER_SERVER_BATCH_H
#define REEVE_BROKER_SERVER_BATCH_H

#include "broker/core/core.h"
#include "broker/peers.h"
#include "broker/server_auth.h"
#include "broker/server_sockets.h"
#include "broker/watchers.h"

enum {
    BATCH_EVENTS_MAX = 2048,
    BATCH_BYTES_MAX = 2 * 1024 * 1024, /* one message more may exceed it */
    BATCH_FAILED_MAX = 256,            /* of which lost peers */
    BATCH_SUBSCRIPTIONS_MAX = 256,     /* and subscriptions, */
    BATCH_CLIENTS_MIN = 256            /* and what is left to clients if workers flood */
};

/* An event before it is decoded: CORE_MESSAGE (frame), CORE_BAD_MESSAGE (too many frames),
 * CORE_SEND_FAILED (unsent), CORE_SUBSCRIBED (topic), CORE_REVOKED (keys). */
struct item {
    enum core_event_kind kind;
    enum core_socket socket;
    uint32_t peer;
    bool framed; /* `frame` is open */
    uint64_t unsent;
    struct uuid topic;
    const struct core_auth *auth; /* of the peer's key; NULL without CURVE */
    zmq_msg_t frame;
};

struct batch {
    struct item at[BATCH_EVENTS_MAX];
    size_t count;
    size_t done; /* those before it are committed */
    size_t bytes;
    bool more;                  /* input was left behind for the next batch */
    const struct text *revoked; /* of its CORE_REVOKED, the first item if there is one */
    size_t revoked_count;
};

/* Fills an empty batch: revoked keys, lost peers, then workers, then clients, then subscriptions.
 * What it learns of subscriptions goes into `watchers`. `auth`: NULL without CURVE. 0, -errno of a
 * socket. */
int batch_collect(struct batch *batch, struct sockets *sockets, struct peers *peers,
                  struct watchers *watchers, struct server_auth *auth);

/* The frame's bytes; live until batch_release. */
struct slice item_bytes(struct item *item);

/* Closes the frames and empties the batch. */
void batch_release(struct batch *batch);

#endif
