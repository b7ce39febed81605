/* The broker's store with faults: store.h over store_mem or over LMDB.
 *
 * Whatever is planned strikes once; then every call fails until port_restart, as after a kill: the
 * process that meets the failure may go on, but nothing that it does is kept. Snapshots are a view
 * of the last commit without a copy: open them between batches only. */
#ifndef REEVE_TESTS_SIM_PORT_H
#define REEVE_TESTS_SIM_PORT_H

#include "base/uuid.h"
#include "broker/store/store.h"

enum port_kind { PORT_MEM, PORT_LMDB };

enum port_plan {
    PORT_GOOD,
    PORT_DIES_AT,      /* the nth call from now fails, and all after it; nothing is kept */
    PORT_COMMIT_FAILS, /* the next commit fails for good; nothing is kept */
    PORT_COMMIT_LIES,  /* the next commit is done, but says that it failed for good */
    PORT_NO_ROOM       /* the next commit fails with ENOSPC */
};

/* A new, empty store; over LMDB in a folder of its own on tmpfs. Ends the program where it can't.
 */
struct store *port_new(enum port_kind kind);
/* Plans one failure; `nth` is for PORT_DIES_AT: 1 is the next call. */
void port_plan(struct store *store, enum port_plan plan, uint64_t nth);
/* Whether what was planned has struck since the last restart; ENOSPC is over once it has struck. */
bool port_has_struck(const struct store *store);
/* Whether the last batch is durable, whatever its commit said. */
bool port_is_kept(const struct store *store);
/* The process is killed and opens its store again. No core may use it meanwhile. */
void port_restart(struct store *store);

/* Jobs whose state was written or deleted in the last batch; live until the next one. */
const struct uuid *port_touched(const struct store *store, size_t *count_out);

#endif
