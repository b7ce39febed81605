/* One job's records: reading, moving, telling, rendering.
 *
 * job_move is the only line of the house that writes a job's status. It checks the move against
 * states.def and keeps every index, counter and timer of the job in step, in the same batch. */
#ifndef REEVE_BROKER_CORE_JOB_H
#define REEVE_BROKER_CORE_JOB_H

#include "broker/core/memory.h"

/* Reads a job's state into `job` (what was in it is gone). 0, STORE_NOT_FOUND, -errno. */
int job_load(struct core *core, const struct uuid *id, struct job *job);

/* Writes the job's state. 0, -errno. */
int job_save(struct core *core, struct job *job);

/* Moves the job to a state: indexes, counters, timers, times. The move must be legal. For a job
 * that is born, job->s holds its names and times and status JOB_NONE. The caller sets what is
 * particular to the move (due_at before a move to scheduled) and saves afterwards. */
int job_move(struct core *core, struct job *job, enum job_state to);

/* The job has ended and its handler is gone: what it held is given back. */
int job_over(struct core *core, const struct job *job);

/* Tells what happened: gives the event the job's next rev, keeps it in the event table and
 * publishes it. `event->type` and what is particular to it are the caller's. */
int job_emit(struct core *core, struct job *job, struct wire_event *event);

/* job_emit of an event that is no more than its type. */
int job_emit_plain(struct core *core, struct job *job, const char *type);

/* Removes a terminal job: records and indexes now, events, logs and failures in slices later;
 * leaves a tombstone. Publishes `deleted`. */
int job_purge(struct core *core, struct job *job);

/* Reads what the submit said. The texts point into the store: until its next call. */
int spec_get(struct core *core, const struct uuid *id, struct wire_spec *spec_out);

enum job_detail { DETAIL_LIST, DETAIL_WHOLE, DETAIL_RESULT };

/* Appends the job as everybody sees it (a wire_job by names). */
int job_render(struct core *core, const struct job *job, enum job_detail detail, struct buf *out);

/* Encodes a shape into `buf` (cleared first) and points at it. 0, -ENOMEM. */
int shape_keep(struct buf *buf, const struct shape *shape, const void *value, enum shape_keys keys,
               struct slice *slice_out);

#endif
