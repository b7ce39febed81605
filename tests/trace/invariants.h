/* What must be true of a store between two batches, whatever happened before. */
#ifndef REEVE_TESTS_TRACE_INVARIANTS_H
#define REEVE_TESTS_TRACE_INVARIANTS_H

#include "broker/store/store.h"

/* Reads the whole store through a snapshot. 0, or the number of violations, each told on stderr:
 * indexes ↔ records, leases ↔ running and ending jobs, counters = recount, timers ↔ states, and no
 * row of a job that does not exist. */
int invariants_check(struct store *store);

#endif
