/* The gates before a ready job, in one fixed order: paused; rate limit; queue limit; group limit.
 *
 * The first that is closed is why the job waits: lane.c asks these questions to pick, `why` asks
 * them to explain, and so they can't differ. In full, the order is:
 *   1. the queue is paused                                    "paused"
 *   2. a rate of the queue is used up, then one of its budget "rate_limit"
 *   3. the queue runs all it may, then its budget             "queue_limit"
 *   4. the job's group runs all it may                        "group_limit"
 * Pure questions: they change nothing, cost a hash lookup or two and no allocation, and take time
 * from core->now. A queue without settings has all gates open. */
#ifndef REEVE_BROKER_CORE_GATE_H
#define REEVE_BROKER_CORE_GATE_H

#include "broker/core/queue.h"

enum gate { GATE_OPEN, GATE_PAUSED, GATE_RATE_LIMIT, GATE_QUEUE_LIMIT, GATE_GROUP_LIMIT };

/* Of an open gate only `gate` says something. */
struct gate_verdict {
    enum gate gate;
    const char *reason;  /* the word of `why` above; "" where open */
    uint64_t max;        /* the limit (0 of a paused queue) … */
    uint64_t in_use;     /* … and what of it is used now; may be more where it was lowered */
    uint64_t window_ms;  /* of a rate: at most `max` starts in any so many ms; otherwise 0 */
    uint64_t opens_at;   /* wall ms: when a rate lets the next start through; 0: not known, since
                            it depends on people or on jobs that end */
    uint64_t opens_mono; /* the same on the core's own clock */
    struct text budget;  /* whose limit it is: a budget's; empty: the queue's own */
};

/* Gates 1 to 3: may any job of the queue start? false: *verdict_out says which is closed. The text
 * in it lives as long as the budget. */
bool gate_queue(const struct core *core, struct text queue, struct gate_verdict *verdict_out);

/* Gate 4, for a queue whose gates are open. */
bool gate_group(const struct core *core, struct text queue, struct text group,
                struct gate_verdict *verdict_out);

/* The same where the queue was looked up already; NULL (no settings) is always open. */
bool gate_queue_at(const struct core *core, const struct queue *queue,
                   struct gate_verdict *verdict_out);
bool gate_group_at(const struct queue *queue, struct text group, struct gate_verdict *verdict_out);

#endif
