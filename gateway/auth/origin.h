/* Hosts and web origins as headers carry them. Must never ask a name server. Pure. */
#ifndef REEVE_GATEWAY_AUTH_ORIGIN_H
#define REEVE_GATEWAY_AUTH_ORIGIN_H

#include "base/slice.h"

/* Is a Host header one of this machine's own: localhost, *.localhost, 127.x.y.z, [::1], each with
 * or without a port? An empty one (HTTP/1.0) is not. */
bool host_is_local(struct text host);

/* Is this the origin of pages that were served under that Host? */
bool origin_is_of(struct text origin, struct text host);

/* The same origin, the case of letters aside. */
bool origin_eq(struct text a, struct text b);

/* Can it be listed: "*" or "scheme://host[:port]"? */
bool origin_is_fit(struct text origin);

#endif
