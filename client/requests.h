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

struct request {
    struct request *prev, *next;
    struct heap_node deadline; /* key: milliseconds */
    uint64_t number;
    uint64_t sent_ms;
    uint32_t sends;
    void *tag;
    struct buf frame;
};

struct requests {
    struct request *head, *tail, *unsent;
    struct request **slots; /* by number & mask */
    uint64_t mask;
    uint64_t last_number;
    uint32_t count, count_max;
    size_t bytes, bytes_max;
    struct heap deadlines;
};

/* 0, -ENOMEM (nothing to free). */
int requests_init(struct requests *requests, uint32_t count_max, size_t bytes_max);
void requests_fini(struct requests *requests);

/* The next number that no open request has, never 0. Numbers only grow. */
uint64_t requests_number(struct requests *requests);

/* Adds the message at the end, numbered and encoded. 0, -EAGAIN beyond the bounds, -EMSGSIZE over
 * `size_max`, -ENOMEM. */
int requests_add(struct requests *requests, const struct message *message, uint64_t deadline_ms,
                 size_t size_max, void *tag);

/* The open request with this number, or NULL. */
struct request *requests_find(const struct requests *requests, uint64_t number);

/* The one whose deadline comes first, or NULL. */
struct request *requests_first_due(const struct requests *requests);

/* Takes it out and frees it. */
void requests_remove(struct requests *requests, struct request *request);

/* `unsent` is out. */
void requests_sent(struct requests *requests, uint64_t now_ms);
/* All are to be sent again, in their order; one is, after all others. */
void requests_rewind(struct requests *requests);
void requests_again(struct requests *requests, struct request *request);

#endif
