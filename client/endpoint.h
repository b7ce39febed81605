/* Where events come from, worked out from what the broker says and how the broker was reached.
 * Must never resolve a name or open anything: pure text.
 */
#ifndef REEVE_CLIENT_ENDPOINT_H
#define REEVE_CLIENT_ENDPOINT_H

#include "base/slice.h"
#include "proto/limits.h"

#define ENDPOINT_SIZE (ENDPOINT_LEN_MAX + 1)

/* Writes `events` to `out` as an endpoint to connect to: a host that only makes sense for binding
 * (`*`, 0.0.0.0, [::]) becomes the host of `broker`, or 127.0.0.1 where that has none (ipc).
 * Anything else stays as it is. 0, -EINVAL when `events` is empty, -ENAMETOOLONG. */
int endpoint_of_events(struct text broker, struct text events, char out[ENDPOINT_SIZE]);

#endif
