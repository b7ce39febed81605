/* Making one job: all that can stand against it is checked, then it is written. For `submit` and
 * for whoever makes jobs beside it. */
#ifndef REEVE_BROKER_CORE_BIRTH_H
#define REEVE_BROKER_CORE_BIRTH_H

#include "broker/core/caller.h"
#include "broker/core/memory.h"

/* May this job be made? `earlier` (may be NULL): ids of jobs that will be made before it, which it
 * may depend on. *existing_out: the job that is there already and is the answer, or null. 0,
 * REFUSED, -errno. */
int birth_check(struct core *core, const struct caller *caller, struct wire_spec *spec,
                const struct buf *earlier, struct uuid *existing_out);

/* Checks and makes one job, or finds the one that is the answer: core->job, saved. `again`: it is
 * tried anew, so parents that have failed do not take it along. 0, REFUSED with nothing changed,
 * -errno. */
int birth_job(struct core *core, const struct caller *caller, struct wire_spec *spec, bool again);

/* Is there room on the disk for new jobs? 0, REFUSED. */
int birth_check_room(struct core *core);

/* The message `retry` with other params: a new job of the spec of core->job, which then is the new
 * one. 0, REFUSED with nothing changed, -errno. */
int birth_rerun(struct core *core, const struct caller *caller, const struct msg_retry *retry);

#endif
