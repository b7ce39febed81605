/* Amounts of bytes as people write them.
 * Must never depend on a locale.
 */
#ifndef REEVE_BASE_SIZE_H
#define REEVE_BASE_SIZE_H

#include "base/slice.h"

#define SIZE_UNREADABLE 1
#define SIZE_TOO_BIG    2

/* Reads a whole number and an optional unit, in any case: `k`, `m`, `g`, `t`, each also as `kb` or
 * `kib` and so on; a unit is always a power of 1,024; `b` or nothing is bytes.
 * 0, SIZE_UNREADABLE or SIZE_TOO_BIG (over 2^63 - 1); then *bytes_out is untouched. */
int size_parse(struct text text, uint64_t *bytes_out);

#endif
