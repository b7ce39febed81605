/* The open requests of a session: numbered frames in the order in which they go out.
 * Must never know why one is sent or ended: that is session.c's.
 *
 * One list holds them all: everything before `unsent` is out and waits for its answer, everything
 * from `unsent` on waits to be sent. Setting `unsent` back to the head is all there is to a
 * resend. Found by number through an array of slots, ordered by deadline through a heap. Pure but
 * for memory. */
#ifndef REEVE_CLIENT_REQUESTS_H
#define REEVE_CLIENT_REQUESTS_H

#include "base/buf.h"
#include "base/heap.h"
#include "proto/codec.h"

struct client_request {
    struct client_request *prev, *next;
    struct heap_node deadline; /* key: milliseconds */
    uint64_t number;
    uint64_t sent_ms;
    uint32_t sends;
    void *tag;
    struct buf frame;
};

struct client_requests {
    struct client_request *head, *tail, *unsent;
    struct client_request **slots; /* by number & mask */
    uint64_t mask;
    uint64_t last_number;
    uint32_t count, count_max;
    size_t bytes, bytes_max;
    struct heap deadlines;
};

/* 0, -ENOMEM (nothing to free). */
int client_requests_init(struct client_requests *requests, uint32_t count_max, size_t bytes_max);
void client_requests_fini(struct client_requests *requests);

/* The next number that no open request has, never 0. Numbers only grow. */
uint64_t client_requests_number(struct client_requests *requests);

/* Adds the message at the end, numbered and encoded. 0, -EAGAIN beyond the bounds, -EMSGSIZE over
 * `size_max`, -ENOMEM. */
int client_requests_add(struct client_requests *requests, const struct message *message,
                        uint64_t deadline_ms, size_t size_max, void *tag);

/* The open request with this number, or NULL. */
struct client_request *client_requests_find(const struct client_requests *requests,
                                            uint64_t number);

/* The one whose deadline comes first, or NULL. */
struct client_request *client_requests_first_due(const struct client_requests *requests);

/* Takes it out and frees it. */
void client_requests_remove(struct client_requests *requests, struct client_request *request);

/* `unsent` is out. */
void client_requests_sent(struct client_requests *requests, uint64_t now_ms);
/* All are to be sent again, in their order; one is, after all others. */
void client_requests_rewind(struct client_requests *requests);
void client_requests_again(struct client_requests *requests, struct client_request *request);

#endif
