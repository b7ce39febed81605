/* A store in memory, for tests and the simulator: simple, and of its own make, so that it can be
 * the oracle for the other one. Linked by tests only.
 *
 * Must never be used where anything has to survive the process. */
#ifndef REEVE_BROKER_STORE_STORE_MEM_H
#define REEVE_BROKER_STORE_STORE_MEM_H

#include <stdbool.h>
#include <stdint.h>

struct store;

struct store *store_mem_new(void); /* NULL: out of memory */

/* As if the process had been killed and the store opened anew: the open batch is gone, and so are
 * the latch and a planned failure. Snapshots stay as they are. */
void store_mem_crash(struct store *store);

/* The nth commit from now (1 = the next one) fails with `error` (an errno, > 0) and latches, as
 * the other store would; ENOSPC and ENOMEM do not latch. `applied`: its changes are durable all
 * the same, as when the disk had them before it failed; not with ENOSPC and ENOMEM. */
void store_mem_fail_commit(struct store *store, uint64_t nth, int error, bool applied);

/* Commits that succeeded since it was made. */
uint64_t store_mem_commits(const struct store *store);

#endif
