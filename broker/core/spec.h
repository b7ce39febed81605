/* What a submit may say of a job: each field checked, with an error that names it. */
#ifndef REEVE_BROKER_CORE_SPEC_H
#define REEVE_BROKER_CORE_SPEC_H

#include "broker/core/caller.h"
#include "broker/core/memory.h"

/* Fills in what every job has (owner, queue, group) and checks the rest in itself, whatever the
 * broker's state and other jobs. 0, REFUSED. */
int spec_check(struct core *core, const struct caller *caller, struct wire_spec *spec);

#endif
