/* Which jobs are meant: a checked filter, read from the wire's map FILTER.
 *
 * Used by lists and by operations on many jobs. To add a field: its row in shapes.def, its member
 * here, its line in filter_read and in filter_fits, and in PROTOCOL.md. Reads only. */
#ifndef REEVE_BROKER_CORE_FILTER_H
#define REEVE_BROKER_CORE_FILTER_H

#include "broker/core/caller.h"
#include "broker/core/memory.h"

/* What is empty, 0 or false narrows nothing. Texts and metadata point into the map that was read.
 * Times are the wall clock's milliseconds; `after` is inclusive and `before` is not, so that
 * neighbouring spans share no job. */
struct filter {
    unsigned statuses; /* the states that fit, 1u << JOB_…; never 0 */
    struct text type, queue, owner, group;
    struct text name;      /* what the job's name begins with */
    struct slice metadata; /* a map: each of its keys must have this value in the job's metadata */
    uint64_t created_after, created_before;
    uint64_t ended_before; /* only jobs that have ended, before this */
    uint64_t cause;        /* only jobs that failed of this (cause.h) */
    bool system;           /* jobs of the system queue too */
    bool nothing;          /* somebody else's jobs were asked for: no job fits */
};

/* Reads the map `wire` (empty: all jobs) for a caller, who finds only own jobs unless he sees all.
 * Leaves jobs of the system queue out unless the flag `system` or the name of that queue asks for
 * them. 0; REFUSED with the fault's field as "filter.status"; changes nothing. */
int filter_read(struct core *core, const struct caller *caller, struct slice wire,
                struct filter *filter_out);

/* Does this job fit? 1, 0, -errno. Reads the spec only where name or metadata is asked for, and
 * uses core->scratch then. `job` must have been loaded; its texts are not touched. */
int filter_fits(struct core *core, const struct filter *filter, const struct job *job);

/* Does anything beside states, owner, type, queue and the system flag narrow it? */
bool filter_has_more(const struct filter *filter);

#endif
