/* Errands among relatives: a job's end is told to those that depend on it, a whole tree is
 * cancelled, a job that waited is let go.
 *
 * An errand is a row of the timer table at time 0: durable, written with what caused it, done in
 * bounded slices by later batches, so that no submit waits for a fan-out of 100,000, and a restart
 * goes on where it was. What an errand does depends only on how things stand when it comes by, so
 * doing one twice, or from the start again, is harmless. */
#ifndef REEVE_BROKER_CORE_FAMILY_H
#define REEVE_BROKER_CORE_FAMILY_H

#include "broker/core/memory.h"

/* The job has ended, or was revived: its children take note. 0, -errno. */
int family_tell_children(struct core *core, const struct job *job);

/* The job is over, its handler gone: its parents need not keep their results for it. */
int family_tell_parents(struct core *core, const struct job *job);

/* A new job, still blocked, has a parent that failed or was cancelled: it goes the same way. */
int family_refuse(struct core *core, struct job *job, const struct uuid *parent);

/* Whatever the job waited for may be gone: it is looked at again. */
int family_unblock(struct core *core, const struct uuid *id);

/* Cancels everything below a job. `stamp`: greater than that of every earlier such cancel. */
int family_cancel(struct core *core, const struct job *job, uint64_t stamp);

/* Does some of what is to do; a tick's work. 0, -errno. */
int family_run(struct core *core);

/* Is there, as far as anybody knows, something to do? */
bool family_waits(const struct core *core);

#endif
