/* Seeks in the ready table, for whoever picks a job or counts those before it. Reads only.
 *
 * The order is that of key_ready (record.h): queue, priority, group, type, time, arrival. */
#ifndef REEVE_BROKER_CORE_READY_H
#define REEVE_BROKER_CORE_READY_H

#include "broker/core/memory.h"

/* The first ready job under `prefix`, strictly behind `after` (empty: from the start). The texts
 * of *ready_out live until the next scan into core->rows. 1, 0: none, -errno. */
int ready_seek(struct core *core, struct slice prefix, struct slice after,
               struct rec_ready *ready_out);

/* Makes of a part's bytes (key_ready_queue … key_ready_lane) the place behind all keys that begin
 * with them. */
struct slice ready_behind(struct rec_key *key, struct slice part);

/* Which of two jobs of one group came first. */
bool ready_is_older(const struct rec_ready *a, const struct rec_ready *b);

#endif
