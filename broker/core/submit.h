/* The message `submit`: checking, making, answering; ids and keys that make resending safe. */
#ifndef REEVE_BROKER_CORE_SUBMIT_H
#define REEVE_BROKER_CORE_SUBMIT_H

#include "broker/core/caller.h"
#include "broker/core/memory.h"

/* 0, REFUSED, -errno. */
int handle_submit(struct core *core, struct session *session, const struct message *message);

/* For others who make jobs. What is wrong with a spec in itself, whatever the broker's state;
 * fills in owner, queue and group. 0, REFUSED. */
int submit_check(struct core *core, const struct caller *caller, struct wire_spec *spec);
/* Is there room for anything new? 0, REFUSED. */
int submit_room(struct core *core);
/* Everything that a submit of this one job would do but answer: checks it, and makes it unless a
 * job with its id and content, or with its unique key, is the answer. Then core->job is the job,
 * and spec->id its id. Writes nothing where it refuses;
 * the spec must not point into the store. 0, REFUSED, -errno. */
int submit_make(struct core *core, const struct caller *caller, struct wire_spec *spec);

#endif
