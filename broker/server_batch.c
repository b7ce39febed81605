/* Collecting one batch.
 * Must never take more than a batch holds, nor leave a frame open. */
#include "broker/server_batch.h"

#include "base/log.h"

/* Where messages come from, and who knows their senders. */
struct sources {
    struct sockets *sockets;
    struct peers *peers;
    struct server_auth *auth; /* NULL without CURVE */
};

static struct item *next_item(struct batch *batch, enum core_event_kind kind,
                              enum core_socket socket, uint32_t peer)
{
    struct item *item = &batch->at[batch->count++];
    item->kind = kind;
    item->socket = socket;
    item->peer = peer;
    item->framed = false;
    item->unsent = 0;
    item->auth = NULL;
    return item;
}

static void collect_revoked(struct batch *batch, struct server_auth *auth)
{
    if (auth && server_auth_take_revoked(auth, &batch->revoked, &batch->revoked_count))
        next_item(batch, CORE_REVOKED, CORE_CLIENTS, 0);
}

static void collect_failed(struct batch *batch, struct peers *peers)
{
    enum core_socket socket;
    uint32_t peer;
    uint64_t unsent;
    while (batch->count < BATCH_FAILED_MAX && peers_take_failed(peers, &socket, &peer, &unsent))
        next_item(batch, CORE_SEND_FAILED, socket, peer)->unsent = unsent;
}

/* A frame becomes an item, or is dropped where its sender can't be told apart any more. */
static void add_message(struct batch *batch, struct peers *peers, const struct server_auth *auth,
                        enum core_socket socket, const struct sender *sender)
{
    struct item *item = &batch->at[batch->count];
    uint32_t peer = peers_meet(peers, socket, (struct slice){sender->at, sender->len});
    if (peer == 0 || !peers_prove(peers, peer, sender->key)) {
        log_warning("peer_refused", "%s (of %zu peers); a message was dropped",
                    peer == 0 ? "there are too many" : "this routing id was another key's",
                    peers_count(peers));
        zmq_msg_close(&item->frame);
        return;
    }
    next_item(batch, sender->many_frames ? CORE_BAD_MESSAGE : CORE_MESSAGE, socket, peer);
    item->auth = auth ? server_auth_of(auth, text_of(sender->key)) : NULL;
    item->framed = true;
    batch->bytes += zmq_msg_size(&item->frame);
}

/* Takes messages while the batch holds fewer than `count_max` items and `bytes_max` bytes. */
static int collect_messages(struct batch *batch, const struct sources *from, enum socket_kind kind,
                            size_t count_max, size_t bytes_max)
{
    enum core_socket socket = kind == SOCKET_WORKERS ? CORE_WORKERS : CORE_CLIENTS;
    struct sender sender;
    while (batch->count < count_max && batch->bytes < bytes_max) {
        int rc = sockets_receive(from->sockets, kind, &sender, &batch->at[batch->count].frame);
        if (rc <= 0)
            return rc;
        add_message(batch, from->peers, from->auth, socket, &sender);
    }
    batch->more = true;
    return 0;
}

static int collect_subscriptions(struct batch *batch, const struct sources *from,
                                 struct watchers *watchers)
{
    struct sender sender;
    zmq_msg_t frame;
    struct uuid job;
    for (int i = 0; i < BATCH_SUBSCRIPTIONS_MAX && batch->count < BATCH_EVENTS_MAX; i++) {
        int rc = sockets_receive(from->sockets, SOCKET_EVENTS, &sender, &frame);
        if (rc <= 0)
            return rc;
        if (from->auth)
            server_auth_watches(from->auth, sender.fd, text_of(sender.key));
        const char *at = zmq_msg_data(&frame);
        size_t size = zmq_msg_size(&frame);
        struct text topic = {size ? at + 1 : NULL, size ? size - 1 : 0};
        if (size > 0 && at[0] == 0)
            watchers_remove(watchers, topic);
        else if (size > 0 && at[0] == 1 && watchers_add(watchers, topic, &job))
            next_item(batch, CORE_SUBSCRIBED, CORE_CLIENTS, 0)->topic = job;
        zmq_msg_close(&frame);
    }
    batch->more = true;
    return 0;
}

int batch_collect(struct batch *batch, struct sockets *sockets, struct peers *peers,
                  struct watchers *watchers, struct server_auth *auth)
{
    const size_t left = BATCH_EVENTS_MAX - BATCH_SUBSCRIPTIONS_MAX;
    const struct sources from = {sockets, peers, auth};
    collect_revoked(batch, auth);
    collect_failed(batch, peers);
    int rc = collect_messages(batch, &from, SOCKET_WORKERS, left - BATCH_CLIENTS_MIN,
                              BATCH_BYTES_MAX / 2);
    if (rc == 0)
        rc = collect_messages(batch, &from, SOCKET_CLIENTS, left, BATCH_BYTES_MAX);
    if (rc == 0)
        rc = collect_subscriptions(batch, &from, watchers);
    return rc;
}

struct slice item_bytes(struct item *item)
{
    return (struct slice){zmq_msg_data(&item->frame), zmq_msg_size(&item->frame)};
}

void batch_release(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->at[i].framed)
            zmq_msg_close(&batch->at[i].frame);
    }
    batch->count = 0;
    batch->done = 0;
    batch->bytes = 0;
    batch->more = false;
}
