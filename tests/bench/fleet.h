/* A producer thread and worker threads around one broker, and what they have done so far.
 *
 * The producer keeps `window` jobs in flight: submitted, and not yet both answered and settled.
 * A worker answers each job at once. A job refused, lost or run twice ends the program. */
#ifndef REEVE_TESTS_BENCH_FLEET_H
#define REEVE_TESTS_BENCH_FLEET_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/bench/daemon.h"
#include "tests/bench/link.h"

enum { WORKERS_MAX = 64 };

struct fleet;

struct fleet_worker {
    struct fleet *fleet;
    struct link link;
    pthread_t thread;
};

struct fleet {
    struct setup setup;
    const struct daemon *daemon;
    void *context; /* libzmq's */
    uint32_t payload;

    atomic_uint_fast64_t submitted, answered, settled;
    atomic_uint_fast64_t dispatched_us; /* when the latest dispatch came */
    atomic_bool stop;                   /* the producer submits no more */
    atomic_bool leave;                  /* the workers end */
    atomic_bool waits;                  /* the producer waits on `settled_fd` */
    int settled_fd;                     /* counts up when something was settled */

    struct link link;
    pthread_t thread;
    struct fleet_worker workers[WORKERS_MAX];
};

/* Connects the producer; then, each when it is wanted, the workers and the flow of jobs. */
void fleet_open(struct fleet *fleet, const struct daemon *daemon, struct setup setup,
                uint32_t payload);
void fleet_add_workers(struct fleet *fleet);
void fleet_flow(struct fleet *fleet);
/* Stops the flow and waits until what was submitted by it is settled, unless `leave_rest`. */
void fleet_close(struct fleet *fleet, bool leave_rest);

/* Appends one submit of `count` jobs, whose answer is expected under request number 1. */
void fleet_submit_frame(struct buf *out, uint32_t count, uint32_t payload);

/* Reads the answers that wait (`wait_ms` for the first); returns how many jobs they answer. */
uint64_t fleet_read_answers(struct link *link, uint32_t batch, long wait_ms);

#endif
