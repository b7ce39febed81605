/* A worker's process: the real session of worker/session.h, and handlers that only pretend. It can
 * die, stand still, drain, and lie. */
#ifndef REEVE_TESTS_SIM_WORKER_H
#define REEVE_TESTS_SIM_WORKER_H

#include "base/uuid.h"
#include "tests/sim/world.h"

/* Starts it at once. `takes_all`: any type of any queue. */
struct worker *sim_worker_new(struct world *world, size_t index, bool takes_all);
void sim_worker_destroy(struct worker **worker);

void sim_worker_kill(struct worker *worker, uint64_t down_ms); /* it starts again after that */
void sim_worker_stop(struct worker *worker, uint64_t ms);      /* SIGSTOP, then SIGCONT */
void sim_worker_lie(struct worker *worker);                    /* says one thing that is not so */
void sim_worker_break_line(struct worker *worker);
void sim_worker_cut_line(struct worker *worker, uint64_t ms);
/* Takes nothing new and ends (`release`: gives all back), then starts again after `down_ms`. */
void sim_worker_leave(struct worker *worker, bool release, uint64_t down_ms);
/* Ends in one of these ways, or stays down, for so long. */
void sim_worker_sleep(struct worker *worker, uint64_t ms);
/* Up, running, and in a hurry: handlers end soon. */
void sim_worker_heal(struct worker *worker);

/* Nothing is in its hands. */
bool sim_worker_is_idle(const struct worker *worker);
/* Whether the worker with this session has been running this dispatch and nothing was in its way
 * since `since`. */
bool sim_worker_was_busy(const struct world *world, const struct uuid *session,
                         const struct uuid *job, uint64_t fence, uint64_t since);

#endif
