/* UTF-8, checked and stepped through: what may stand in a text field and in JSON.
 * Must never read beyond the length it is given. Pure. */
#ifndef REEVE_PROTO_UTF8_H
#define REEVE_PROTO_UTF8_H

#include "base/slice.h"

/* The length (1 to 4) of the well-formed sequence at `at`, of which `left` bytes are there; 0
 * where it is none: cut, overlong, a surrogate or beyond U+10FFFF. `left` is at least 1. */
size_t utf8_step(const uint8_t *at, size_t left);

/* Is all of it well-formed? */
bool utf8_valid(struct text text);

#endif
