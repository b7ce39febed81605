/* How many jobs a second were submitted, completed and failed, over the last minutes. In memory. */
#ifndef REEVE_BROKER_CORE_RATE_H
#define REEVE_BROKER_CORE_RATE_H

#include "broker/core/memory.h"

void rate_count(struct core *core, enum rate_kind kind, uint32_t count);

/* Per second, over the last `window_ms` (at most RATE_BUCKETS - 1 buckets of RATE_BUCKET_MS). */
double rate_of(const struct core *core, enum rate_kind kind, uint64_t window_ms);

#endif
