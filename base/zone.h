/* A time zone as an object: what the clocks on its walls show at an instant, and back.
 *
 * Where a zone's rules come from is its maker's: a library, a table, a fixed offset. What is built
 * on it here asks for one thing only, the offset at an instant, so that a zone is easily made by
 * hand. Must never look at a clock. Pure and thread-safe where the zone's own function is.
 *
 * A zone may change its offset any number of times, but not twice within 24 hours: no place on
 * earth has. Instants are seconds since 1970 in UTC; local times are the same count of what the
 * walls show. */
#ifndef REEVE_BASE_ZONE_H
#define REEVE_BASE_ZONE_H

#include "base/slice.h"

/* First member of a maker's own struct. */
struct zone {
    /* Seconds to add to UTC, -26 h to 26 h. Must never fail. */
    int32_t (*offset)(const struct zone *zone, int64_t utc_s);
};

extern const struct zone zone_utc;

/* The first instant at which the local time is `local_s`; where the clocks jump over it, the
 * instant of that jump. Never decreases as `local_s` grows. */
int64_t zone_instant(const struct zone *zone, int64_t local_s);

/* The first instant of (from, to] whose offset differs from that of `from`; INT64_MAX: none. At
 * most one change may lie between. */
int64_t zone_change(const struct zone *zone, int64_t from, int64_t to);

/* "2026-03-29T03:00:00+02:00" */
#define ZONE_TIME_SIZE 32
void zone_format(const struct zone *zone, uint64_t wall_ms, char out[ZONE_TIME_SIZE]);

/* Zones by name. Where `find` is NULL only UTC is known. */
enum {
    ZONE_UNKNOWN = 1, /* there is no zone of that name */
    ZONE_NO_DATA = 2  /* this machine knows no zones at all */
};
struct zone_port {
    /* 0; ZONE_UNKNOWN; ZONE_NO_DATA; -ENOMEM. The zone lives as long as the port. */
    int (*find)(void *arg, struct text name, const struct zone **zone_out);
    void *arg;
};

/* The port's, or UTC by the names "", "UTC" and "Etc/UTC". Same results. */
int zone_find(const struct zone_port *port, struct text name, const struct zone **zone_out);

#endif
