/* The threads that run handlers: as many as there are slots, so that a job never waits for one.
 * Must never know what a handler does. */
#ifndef REEVE_WORKER_POOL_H
#define REEVE_WORKER_POOL_H

#include <stddef.h>

/* Embed it in what is to be run. */
struct pool_task {
    struct pool_task *next;
};

typedef void pool_run(struct pool_task *task);

struct pool;

/* Starts `threads` threads, each of which runs one task after the other. 0, -ENOMEM, -EAGAIN: the
 * system has no more threads. */
int pool_new(size_t threads, pool_run *run, struct pool **pool_out);

/* Has the task run; it is its runner's from now on. Never waits. */
void pool_give(struct pool *pool, struct pool_task *task);

/* Runs what was given, then ends the threads. NULL is fine. */
void pool_destroy(struct pool **pool);

#endif
