/* Spans of time as people write them, in milliseconds.
 * Must never depend on a locale.
 */
#ifndef REEVE_BASE_DURATION_H
#define REEVE_BASE_DURATION_H

#include "base/slice.h"

/* A hundred years of 365 days. */
#define DURATION_MAX_MS (UINT64_C(100) * 365 * 86400 * 1000)

/* Room for any text duration_format writes, with its final zero. */
#define DURATION_TEXT_SIZE 48

#define DURATION_UNREADABLE 1
#define DURATION_TOO_LONG   2

/* Reads `500ms`, `10s`, `5m`, `1h30m`, `2d`, `1w`, each number with an optional fraction, units
 * from large to small, each once; a number alone is seconds. Less than a millisecond is cut off. 0,
 * DURATION_UNREADABLE or DURATION_TOO_LONG (over DURATION_MAX_MS); then *ms_out is untouched. */
int duration_parse(struct text text, uint64_t *ms_out);

/* Writes what duration_parse reads back to the same value: "1h30m", "500ms", "0s". */
void duration_format(uint64_t ms, char out[DURATION_TEXT_SIZE]);

#endif
