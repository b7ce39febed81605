/* How a request is recognised elsewhere: its W3C traceparent and its X-Request-ID, taken from the
 * client where they are well-formed, made otherwise, and sent back in every answer.
 * Must never read randomness itself. Pure. */
#ifndef REEVE_GATEWAY_HTTP_TRACE_H
#define REEVE_GATEWAY_HTTP_TRACE_H

#include <stdint.h>

#include "base/slice.h"

enum { TRACEPARENT_LEN = 55, TRACE_ID_LEN = 32, REQUEST_ID_LEN_MAX = 128, TRACE_RANDOM_SIZE = 40 };

struct trace {
    char traceparent[TRACEPARENT_LEN + 1]; /* "00-<trace id>-<span id>-<flags>" */
    char request_id[REQUEST_ID_LEN_MAX + 1];
};

/* Either header may be empty. */
void trace_take(struct text traceparent, struct text request_id,
                const uint8_t random[TRACE_RANDOM_SIZE], struct trace *trace_out);

/* The 32 hex digits that name the whole trace; borrowed from `trace`. */
struct text trace_id(const struct trace *trace);

#endif
