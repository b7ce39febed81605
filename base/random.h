/* Randomness from the kernel (getrandom). Thread-safe; blocks only before the machine's first
 * seeding. Must never be called from broker/core or a session: a random draw reaches those as data.
 */
#ifndef REEVE_BASE_RANDOM_H
#define REEVE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint64_t random_u64(void);

/* Fills `size` bytes at `out`. Aborts if the kernel has no randomness to give. */
void random_bytes(void *out, size_t size);

#endif
