/* Time zones made by hand, for traces and the simulator: the same on every machine.
 *
 *     Hand/East      5 h 45 min before UTC, always
 *     Hand/Forth     1 h before; 2 h from 2030-01-02T01:00Z on: 02:00 to 03:00 does not exist
 *     Hand/Back      2 h before; 1 h from 2030-01-02T01:00Z on: 02:00 to 03:00 comes twice */
#ifndef REEVE_TESTS_LIB_HAND_ZONES_H
#define REEVE_TESTS_LIB_HAND_ZONES_H

#include "base/zone.h"

struct zone_port hand_zones(void);

#endif
