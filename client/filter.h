/* A caller's filter as the map that travels.
 * Internal. Must never wait or send. */
#ifndef REEVE_CLIENT_FILTER_H
#define REEVE_CLIENT_FILTER_H

#include "base/buf.h"
#include "client/handle.h"

/* Appends the filter as a wire_filter. REEVE_OK, REEVE_INVALID_REQUEST (metadata that is not
 * JSON), or the failure of memory. */
int filter_pack(struct reeve *reeve, const struct reeve_filter *filter, struct buf *out);

#endif
