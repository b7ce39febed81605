/* What worker.c, handlers.c and lies.c share. Must never be included elsewhere. */
#ifndef REEVE_TESTS_SIM_WORKER_PARTS_H
#define REEVE_TESTS_SIM_WORKER_PARTS_H

#include "base/buf.h"
#include "tests/sim/names.h"
#include "tests/sim/net.h"
#include "tests/sim/worker.h"
#include "worker/session.h"

enum { HANDLERS_MAX = 16, WAITING_MAX = 256, PAST_MAX = 8 };

/* A handler that pretends: it says something now and then, and ends. */
struct handler {
    struct wsession_hold hold;
    uint64_t serial; /* of the job's params */
    uint64_t attempt, since, ends_at, says_at;
    uint64_t said;
    const char *outcome; /* how it means to end */
    bool retryable, stubborn, told;
};

struct worker {
    struct world *world;
    struct stream stream;
    struct line line;
    struct occurrence wake;
    struct uuid id;
    uint64_t epoch;
    struct text queues[QUEUES], types[TYPES];
    size_t queue_count, type_count;
    uint32_t slots;
    struct wsession *session; /* NULL: the process is down */
    struct wsession_effects effects;
    struct handler handlers[HANDLERS_MAX];
    size_t handler_count;
    struct wsession_hold past[PAST_MAX]; /* what it held before: material for lies */
    size_t past_count;
    uint64_t born_at, trouble_at, still_until, down_ms;
    bool ending;
    struct buf waiting[WAITING_MAX]; /* frames that came while it stood still */
    size_t waiting_count;
    struct buf scratch, value;
};

/* --- worker.c --- */
void sim_worker_feed(struct worker *worker, struct wsession_event *event);

/* --- handlers.c --- */
void handler_run(struct worker *worker, const struct wsession_hold *hold, struct slice dispatch);
void handler_stop(struct worker *worker, const struct wsession_effect *effect);
/* Lets handlers say and end what is due. */
void handlers_go_on(struct worker *worker);
void handlers_hurry(struct worker *worker);
uint64_t handlers_next(const struct worker *worker);
/* Since when it runs; UINT64_MAX: it doesn't. */
uint64_t handler_since(const struct worker *worker, const struct uuid *job, uint64_t fence);

#endif
