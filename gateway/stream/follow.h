/* Live streams of jobs: one client/watch.h per stream, all on the link's thread, each written as
 * server-sent events into an outflow.
 *
 * A stream begins with the job as it is, or not at all (no such job, broker away); it survives the
 * broker's restarts, and ends by itself when the job has ended. Quiet streams share their questions
 * to the broker.
 * Must never wait for a reader: one that is too slow is dropped by its outflow. */
#ifndef REEVE_GATEWAY_STREAM_FOLLOW_H
#define REEVE_GATEWAY_STREAM_FOLLOW_H

#include "base/uuid.h"
#include "gateway/link.h"
#include "proto/codec.h"

struct follows;
struct outflow;

/* 0, -ENOMEM. Between link_open and link_start: it becomes the link's guest. */
int follows_new(struct link *link, uint32_t beat_ms, uint32_t stall_ms,
                struct follows **follows_out);
/* After link_stop. NULL is fine. */
void follows_destroy(struct follows **follows);
/* Ends all streams and begins no new ones. Any thread. */
void follows_end(struct follows *follows);

/* A stream that is asked for, and what came of it. {0} but for what is asked. */
struct follow_start {
    struct uuid job;
    struct opt_u64 after; /* Last-Event-ID */
    struct text owner;    /* on whose behalf; as long as the start */
    bool admin;
    void (*done)(struct follow_start *start); /* once, on the link's thread */
    void *arg;
    /* 0: `outflow` holds the snapshot and goes on by itself; the reference is the asker's.
     * 1: `fault` says why not. < 0: as conn_outcome's status. */
    int status;
    struct fault fault;
    struct outflow *outflow;
};

/* 0: `done` will run; -ENOMEM. Any thread. */
int follow_start(struct follows *follows, struct follow_start *start);
/* Gives up a stream that was begun, but not given to a request. */
void follow_start_fini(struct follow_start *start);

#endif
