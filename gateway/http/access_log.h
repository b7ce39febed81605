/* One line in the log for every request that was answered or given up.
 * Must never contain a body, a query or a token. */
#ifndef REEVE_GATEWAY_HTTP_ACCESS_LOG_H
#define REEVE_GATEWAY_HTTP_ACCESS_LOG_H

#include <stdint.h>

#include "base/slice.h"

struct access_entry {
    const char *address, *method;
    struct text path, trace_id, request_id, owner;
    unsigned status; /* 0: it never got an answer */
    bool complete;   /* the client took the whole answer */
    uint64_t body_len, duration_us;
};

void access_log(const struct access_entry *entry);

#endif
