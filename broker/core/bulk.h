/* What an operation on many jobs does to one of them, and which jobs it may be done to. */
#ifndef REEVE_BROKER_CORE_BULK_H
#define REEVE_BROKER_CORE_BULK_H

#include "broker/core/filter.h"

/* Changes core->job, which is loaded and fits, on behalf of whoever asked for the operation. 0,
 * REFUSED (it stays as it is), -errno. */
typedef int bulk_act(struct core *core, const struct caller *caller,
                     const struct wire_operation *operation);

struct bulk {
    const char *kind;
    unsigned may;       /* the states in which it makes sense, 1u << JOB_… */
    unsigned otherwise; /* those that are meant where the filter names none */
    bool makes;         /* jobs that take room on the disk: not while it is short */
    bulk_act *act;
};

/* The row of a kind; NULL: there is none. */
const struct bulk *bulk_find(struct text kind);

/* Leaves of the filter what the kind may do, and of the jobs those that were there when the
 * operation was asked for. 0, or REFUSED: none of its states makes sense. */
int bulk_narrow(struct core *core, const struct bulk *bulk, const struct wire_operation *operation,
                struct filter *filter);

#endif
