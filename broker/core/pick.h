/* Which job next, for one free slot of one worker, out of all its queues.
 *
 * The worker's queues take turns, passing over those with a closed gate (gate.h); lane.h says which
 * job of a queue. A rate that stopped a pick is noted in core->gates_open, so that the core is
 * called again when it opens.
 *
 * Poison jobs: a worker's loss takes all its jobs along, and nobody can tell which one did it. So a
 * job that was lost goes behind those that wait, and one that was lost twice, or whose next loss
 * would be the last that it may have, runs *alone*: it gets a worker that holds nothing else, which
 * gets nothing else until it is done. Then its loss convicts nobody but itself, and a job that did
 * not do it is never taken for poison; it is lost at most twice for a neighbour's sake. Such jobs
 * wait apart in the ready table (READY_ALONE). When one of them is the next in line at a busy
 * worker, that worker is set apart, one at a time: it gets no more, becomes empty, runs it, and
 * goes on as before; all other workers never stop. An idle worker takes it at once. */
#ifndef REEVE_BROKER_CORE_PICK_H
#define REEVE_BROKER_CORE_PICK_H

#include "broker/core/memory.h"

/* 1: *job_out is the pick, and the turns have moved on; 0: nothing for this worker now; -errno. */
int pick_job(struct core *core, struct session *session, struct uuid *job_out);

/* Must a job that was lost so often run alone from now on? */
bool pick_is_alone(uint64_t lost, uint64_t max_lost);

/* A round of picks begins: what rates stopped before is not known any more. 0, -errno. */
int picks_begin(struct core *core);

/* Settings have changed: what a pick that goes on has passed over may be open now. */
void picks_changed(struct core *core);

#endif
