/* Times as text: RFC 3339 out of and into milliseconds since 1970.
 * Must never look at a clock, a locale or a time zone: everything here is pure.
 */
#ifndef REEVE_BASE_RFC3339_H
#define REEVE_BASE_RFC3339_H

#include "base/slice.h"

/* "2026-01-31T23:59:59.999Z" */
#define RFC3339_LEN 24

/* The last millisecond of the year 9999. */
#define RFC3339_MAX_MS UINT64_C(253402300799999)

/* rfc3339_parse: no time, or one outside 1970 to 9999. */
#define RFC3339_UNREADABLE 1

/* UTC with milliseconds and `Z`, and a final zero. What lies beyond the year 9999 is written as
 * its last millisecond. */
void rfc3339_format(uint64_t wall_ms, char out[RFC3339_LEN + 1]);

/* Reads `date T time [.fraction] (Z | +hh:mm | -hh:mm)`; `t`, `z` and a blank for the T are taken,
 * digits after the third of the fraction are cut off, second 60 counts as the next minute.
 * 0, or RFC3339_UNREADABLE and *wall_ms_out is untouched. */
int rfc3339_parse(struct text text, uint64_t *wall_ms_out);

#endif
