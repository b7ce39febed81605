/* Giving ready jobs to free slots, at the end of a batch. */
#ifndef REEVE_BROKER_CORE_DISPATCH_H
#define REEVE_BROKER_CORE_DISPATCH_H

#include "broker/core/memory.h"

enum { DISPATCH_MAX = 2048, DISPATCH_SIZE_MAX = 8 * 1024 * 1024 };

/* One job per worker and turn, until no slot or no job is left, at most DISPATCH_MAX jobs and about
 * DISPATCH_SIZE_MAX bytes of params; sets core->again where more could be done. 0, -errno. */
int dispatch_ready(struct core *core);

#endif
