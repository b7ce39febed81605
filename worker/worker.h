/* What reeve-worker's own files know of a worker beyond its public header. */
#ifndef REEVE_WORKER_WORKER_H
#define REEVE_WORKER_WORKER_H

#include "worker/reeve_worker.h"

/* After how much silence the broker counts this worker's jobs as lost, as its last welcome said;
 * the default before. From any thread. */
uint64_t worker_lost_after_ms(const struct reeve_worker *worker);

/* Its name and its broker's endpoint; borrowed. */
const char *worker_name(const struct reeve_worker *worker);
const char *worker_broker(const struct reeve_worker *worker);

#endif
