/* Time zones by their IANA names, out of the machine's time zone data.
 * Must never be used by the core but through its port. */
#ifndef REEVE_BROKER_ZONES_H
#define REEVE_BROKER_ZONES_H

#include "base/zone.h"

struct zones;

/* 0, -ENOMEM. The zones that were found live until zones_close. One thread. */
int zones_open(struct zones **zones_out);
void zones_close(struct zones **zones); /* NULL is fine */

/* The port to hand to the core: finds by name, reads a zone's file once and keeps it. Only names
 * of the database are known: no paths, no POSIX rules, no offsets. Data that changes on disk is
 * seen after a restart. */
struct zone_port zones_port(struct zones *zones);

#endif
