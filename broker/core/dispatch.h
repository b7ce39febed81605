/* Giving ready jobs to free slots, at the end of a batch. */
#ifndef REEVE_BROKER_CORE_DISPATCH_H
#define REEVE_BROKER_CORE_DISPATCH_H

#include "broker/core/memory.h"

/* One job per worker and turn, until no slot or no job is left, at most DISPATCH_MAX; sets
 * core->again where more could be done. 0, -errno. */
enum { DISPATCH_MAX = 2048 };
int dispatch_ready(struct core *core);

#endif
