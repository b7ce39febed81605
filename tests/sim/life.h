/* One world from its beginning to its end: what the seed has, the days of trouble, and the healing
 * after which everything must come to its end. */
#ifndef REEVE_TESTS_SIM_LIFE_H
#define REEVE_TESTS_SIM_LIFE_H

#include "tests/sim/port.h"
#include "tests/sim/trace.h"
#include "tests/sim/world.h"

/* Makes a world, lets it live and ends it. Returns how many milliseconds it lived. A broken promise
 * calls `violated`. */
uint64_t live(struct world *world, uint64_t seed, enum port_kind store, struct trace *trace);

/* One misfortune, of those this world has. */
void disaster(struct world *world);

#endif
