/* Per-owner limits that a request draws on, shared by all gateways: sliding windows, in memory. */
#ifndef REEVE_BROKER_CORE_CHARGE_H
#define REEVE_BROKER_CORE_CHARGE_H

#include "broker/core/caller.h"

/* Owners times limits that are remembered; the longest unused goes first. */
enum { CHARGE_ROWS_MAX = 100000 };

/* Charges what the envelope asks for, all or nothing, and sets core->limits for the reply.
 * 0, REFUSED (RATE_LIMITED), -ENOMEM. */
int charge_request(struct core *core, const struct caller *caller, struct slice charges);

void charges_fini(struct core *core);

#endif
