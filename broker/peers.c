/* Routing ids and their handles.
 * Must never free a peer that a batch under way may still name. */
#include "broker/peers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/curve_key.h"

/* Out of memory inside a table is reported to the caller instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct peer {
    uint32_t handle;
    uint64_t unsent; /* of a failed one: the first dispatch that it did not get, or 0 */
    enum core_socket socket;
    bool kept, failed, proved;
    char key[CURVE_KEY_SIZE];
    struct peer *prev, *next; /* in `strangers`, or in `kept`, last heard last */
    struct peer *failed_prev, *failed_next;
    UT_hash_handle by_handle, by_route;
    size_t route_len; /* with the socket's number in front */
    uint8_t route[];
};

struct peers {
    struct peer *by_handle, *by_route;
    struct peer *strangers, *kept, *failed;
    uint32_t last;
};

int peers_new(struct peers **peers_out)
{
    *peers_out = calloc(1, sizeof **peers_out);
    return *peers_out ? 0 : -ENOMEM;
}

static struct peer *find(const struct peers *peers, uint32_t handle)
{
    struct peer *peer;
    HASH_FIND(by_handle, peers->by_handle, &handle, sizeof handle, peer);
    return peer;
}

static uint32_t next_handle(struct peers *peers)
{
    do {
        peers->last++;
    } while (peers->last == 0 || find(peers, peers->last));
    return peers->last;
}

static void leave(struct peers *peers, struct peer *peer)
{
    if (peer->kept)
        DL_DELETE(peers->kept, peer);
    else
        DL_DELETE(peers->strangers, peer);
}

static void enter_as(struct peers *peers, struct peer *peer, bool kept)
{
    peer->kept = kept;
    if (kept)
        DL_APPEND(peers->kept, peer);
    else
        DL_APPEND(peers->strangers, peer);
}

static void move(struct peers *peers, struct peer *peer, bool kept)
{
    leave(peers, peer);
    enter_as(peers, peer, kept);
}

static void drop(struct peers *peers, struct peer *peer)
{
    leave(peers, peer);
    if (peer->failed)
        DL_DELETE2(peers->failed, peer, failed_prev, failed_next);
    HASH_DELETE(by_handle, peers->by_handle, peer);
    HASH_DELETE(by_route, peers->by_route, peer);
    free(peer);
}

void peers_destroy(struct peers **peers)
{
    if (!*peers)
        return;
    struct peer *peer, *next;
    HASH_ITER(by_handle, (*peers)->by_handle, peer, next)
    {
        drop(*peers, peer);
    }
    free(*peers);
    *peers = NULL;
}

/* Into both tables or none. */
static int enter(struct peers *peers, struct peer *peer)
{
    HASH_ADD(by_handle, peers->by_handle, handle, sizeof peer->handle, peer);
    if (!peer->by_handle.tbl)
        return -ENOMEM;
    HASH_ADD_KEYPTR(by_route, peers->by_route, peer->route, peer->route_len, peer);
    if (peer->by_route.tbl)
        return 0;
    HASH_DELETE(by_handle, peers->by_handle, peer);
    return -ENOMEM;
}

static void fail(struct peers *peers, struct peer *peer)
{
    if (peer->failed)
        return;
    peer->failed = true;
    DL_APPEND2(peers->failed, peer, failed_prev, failed_next);
}

static uint32_t add(struct peers *peers, enum core_socket socket, const uint8_t *route,
                    size_t route_len)
{
    if (peers_count(peers) >= PEERS_MAX) {
        if (peers->kept)
            fail(peers, peers->kept);
        return 0;
    }
    struct peer *peer = calloc(1, sizeof *peer + route_len);
    if (!peer)
        return 0;
    peer->handle = next_handle(peers);
    peer->socket = socket;
    peer->route_len = route_len;
    memcpy(peer->route, route, route_len);
    if (enter(peers, peer) < 0) {
        free(peer);
        return 0;
    }
    enter_as(peers, peer, false);
    return peer->handle;
}

uint32_t peers_meet(struct peers *peers, enum core_socket socket, struct slice routing_id)
{
    uint8_t route[1 + ROUTING_ID_MAX];
    if (routing_id.len == 0 || routing_id.len > ROUTING_ID_MAX)
        return 0;
    route[0] = (uint8_t)socket;
    memcpy(route + 1, routing_id.at, routing_id.len);
    struct peer *peer;
    HASH_FIND(by_route, peers->by_route, route, 1 + routing_id.len, peer);
    if (!peer)
        return add(peers, socket, route, 1 + routing_id.len);
    move(peers, peer, peer->kept);
    return peer->handle;
}

bool peers_prove(struct peers *peers, uint32_t handle, const char *key)
{
    struct peer *peer = find(peers, handle);
    if (!peer)
        return false;
    if (!peer->proved)
        memcpy(peer->key, key, strnlen(key, CURVE_KEY_LEN));
    peer->proved = true;
    if (strcmp(peer->key, key) == 0)
        return true;
    fail(peers, peer);
    return false;
}

void peers_keep(struct peers *peers, uint32_t handle)
{
    struct peer *peer = find(peers, handle);
    if (peer)
        move(peers, peer, true);
}

struct slice peers_route(const struct peers *peers, uint32_t handle)
{
    struct peer *peer = find(peers, handle);
    if (!peer || peer->failed)
        return (struct slice){NULL, 0};
    return (struct slice){peer->route + 1, peer->route_len - 1};
}

void peers_fail(struct peers *peers, uint32_t handle, uint64_t unsent)
{
    struct peer *peer = find(peers, handle);
    if (!peer)
        return;
    fail(peers, peer);
    if (peer->unsent == 0)
        peer->unsent = unsent;
}

bool peers_any_failed(const struct peers *peers)
{
    return peers->failed != NULL;
}

bool peers_take_failed(struct peers *peers, enum core_socket *socket_out, uint32_t *handle_out,
                       uint64_t *unsent_out)
{
    struct peer *peer = peers->failed;
    if (!peer)
        return false;
    DL_DELETE2(peers->failed, peer, failed_prev, failed_next);
    peer->failed = false;
    move(peers, peer, false);
    *socket_out = peer->socket;
    *handle_out = peer->handle;
    *unsent_out = peer->unsent;
    peer->unsent = 0;
    return true;
}

void peers_forget(struct peers *peers, uint32_t handle)
{
    struct peer *peer = find(peers, handle);
    if (peer)
        move(peers, peer, false);
}

void peers_sweep(struct peers *peers)
{
    while (peers->strangers)
        drop(peers, peers->strangers);
}

size_t peers_count(const struct peers *peers)
{
    return HASH_CNT(by_handle, peers->by_handle);
}
