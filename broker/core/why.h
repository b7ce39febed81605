/* Why a job is not running, in words and numbers. Reads only.
 *
 * The gates stand in one fixed order, the one in which a pick meets them; the first that stops the
 * job is the answer. What cannot be known (an estimate before anything has run) is absent. */
#ifndef REEVE_BROKER_CORE_WHY_H
#define REEVE_BROKER_CORE_WHY_H

#include "broker/core/memory.h"

/* Appends {reason: how many} for the jobs of a queue that have not started. Pending ones are looked
 * at one by one, at most WHY_ROWS_MAX; the rest is told as `uncounted`. 0, -errno. */
enum { WHY_ROWS_MAX = 2000 };
int why_count(struct core *core, struct text queue, struct buf *out);

int handle_get_why(struct core *core, struct session *session, const struct message *message);

#endif
