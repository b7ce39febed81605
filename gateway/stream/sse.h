/* Server-sent events as text. Must never let data break out of its lines. Pure but for memory. */
#ifndef REEVE_GATEWAY_STREAM_SSE_H
#define REEVE_GATEWAY_STREAM_SSE_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends "retry: MS\n": how long a browser waits before it comes back. It belongs to the event
 * that follows. 0, -ENOMEM. */
int sse_retry(struct buf *out, uint64_t ms);

/* Appends "id: ID\nevent: NAME\ndata: LINE\n\n", one data line per line of `data`. 0, -ENOMEM. */
int sse_event(struct buf *out, uint64_t id, struct text name, struct text data);

#endif
