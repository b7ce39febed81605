/* From local times to instants and back, over any zone that knows its offset.
 * Must never look at a clock, nor know where a zone's rules come from.
 */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"

enum { DAY_S = 86400 };

static int32_t no_offset(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    (void)utc_s;
    return 0;
}

const struct zone zone_utc = {no_offset};

int64_t zone_change(const struct zone *zone, int64_t from, int64_t to)
{
    int32_t before = zone->offset(zone, from);
    if (zone->offset(zone, to) == before)
        return INT64_MAX;
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (zone->offset(zone, middle) == before)
            from = middle;
        else
            to = middle;
    }
    return to;
}

/* The offsets a day before and after are the two that may hold at `local_s`. */
int64_t zone_instant(const struct zone *zone, int64_t local_s)
{
    int32_t before = zone->offset(zone, local_s - DAY_S);
    int32_t after = zone->offset(zone, local_s + DAY_S);
    int64_t first = local_s - before, second = local_s - after;
    if (zone->offset(zone, first) == before)
        return first;
    if (zone->offset(zone, second) == after)
        return second;
    int64_t jump = zone_change(zone, second, first);
    return jump == INT64_MAX ? first : jump;
}

void zone_format(const struct zone *zone, uint64_t wall_ms, char out[ZONE_TIME_SIZE])
{
    int64_t utc = (int64_t)(wall_ms / 1000);
    int32_t offset = zone->offset(zone, utc);
    int64_t local = utc + offset;
    int64_t days = local >= 0 ? local / DAY_S : -((DAY_S - 1 - local) / DAY_S);
    int of_day = (int)(local - days * DAY_S), minutes = abs(offset) / 60;
    struct civil_date date = civil_date(days);
    snprintf(out, ZONE_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", date.year % 10000,
             date.month % 100, date.day % 100, of_day / 3600 % 100, of_day / 60 % 60, of_day % 60,
             offset < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

int zone_find(const struct zone_port *port, struct text name, const struct zone **zone_out)
{
    *zone_out = &zone_utc;
    if (name.len == 0 || text_is(name, "UTC") || text_is(name, "Etc/UTC"))
        return 0;
    return port->find ? port->find(port->arg, name, zone_out) : ZONE_UNKNOWN;
}
