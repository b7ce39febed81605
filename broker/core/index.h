/* The tables by which jobs are listed: by status, and by owner, type and queue. Written by job_move
 * and job_purge only, in the job's own batch. */
#ifndef REEVE_BROKER_CORE_INDEX_H
#define REEVE_BROKER_CORE_INDEX_H

#include "broker/core/memory.h"

/* The job goes from one state to another (JOB_NONE: it is born, or goes). `s` holds its names and
 * created_at; its status is not looked at. 0, -errno of the store. */
int index_move(struct core *core, const struct rec_state *s, const struct uuid *job,
               enum job_state from, enum job_state to);

#endif
