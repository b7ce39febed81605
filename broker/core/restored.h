/* A store that was put back from a backup goes on as another one. */
#ifndef REEVE_BROKER_CORE_RESTORED_H
#define REEVE_BROKER_CORE_RESTORED_H

#include "base/uuid.h"
#include "broker/store/store.h"

/* How far the numbers that never repeat are moved on: more than a broker gives away in years. */
#define RESTORED_JUMP (UINT64_C(1) << 40)

/* Makes the store `instance`, restored at `wall_ms`, in one durable batch. What the original gave
 * away after the backup must not be given again: fences and the events' seq begin far behind it. So
 * a worker that holds a job under a fence from after the backup is told that it is stale, and one
 * that holds it since before goes on. 0, -errno of the store, -EBADMSG, -EOVERFLOW. */
int core_restored(struct store *store, const struct uuid *instance, uint64_t wall_ms);

#endif
