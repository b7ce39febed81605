/* Why a job is not running, in words and numbers. Reads only.
 *
 * The gates stand in one fixed order, the one in which a pick meets them; the first that stops the
 * job is the answer. What cannot be known (an estimate before anything has run) is absent. */
#ifndef REEVE_BROKER_CORE_WHY_H
#define REEVE_BROKER_CORE_WHY_H

#include "broker/core/memory.h"

int handle_get_why(struct core *core, struct session *session, const struct message *message);

#endif
