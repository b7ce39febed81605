/* The machine's clocks. The only file that reads them.
 * Must never be called from broker/core or a session: time reaches those as data.
 */
#ifndef REEVE_BASE_CLOCK_H
#define REEVE_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds since some fixed moment of this boot; never step back. */
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);

/* Milliseconds since 1970-01-01T00:00:00Z; may jump either way. */
uint64_t clock_wall_ms(void);

#endif
