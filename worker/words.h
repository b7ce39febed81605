/* Texts from handlers made fit to travel: valid UTF-8, within their bounds.
 * Must never lose that something was cut. Pure but for memory. */
#ifndef REEVE_WORKER_WORDS_H
#define REEVE_WORKER_WORDS_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends `in` to `out`, at most `max` bytes (4 at least): what is no UTF-8, and zero bytes, become
 * U+FFFD; where it is cut it ends with "…". 0, -ENOMEM. */
int words_fit(struct buf *out, struct text in, size_t max);

#endif
