/* Proves a store against itself: every index, counter, lock and timer against the records, and the
 * records against every index. Written from record.h alone, so that it knows nothing of how the
 * core came to what rests there.
 *
 * To add a table's rule: a function in check_*.c (see check_rule.h) and its row in checks.def. */
#ifndef REEVE_BROKER_CORE_CHECK_H
#define REEVE_BROKER_CORE_CHECK_H

#include "broker/store/store.h"

/* One violation as a line for people, without its end: `TABLE KEY: what was expected`. Borrowed for
 * the call. */
typedef void core_check_report(void *context, const char *line);

struct check_figures {
    uint64_t rows[STORE_TABLE_COUNT];
    uint64_t violations;
};

/* Reads the whole store, each table once in the order of its keys, and looks up what belongs to
 * each row: neighbours in one table have neighbours in the others, so that lookups mostly hit the
 * page of the one before. Memory is bounded by the number of different names of queues, types and
 * owners, not by the number of jobs. Blocks as long as that takes. Returns the number of violations
 * (INT_MAX stands for more), or -errno of the store, -ENOMEM. `figures_out` may be NULL. */
int core_check(struct store_snapshot *snapshot, core_check_report *report, void *context,
               struct check_figures *figures_out);

#endif
