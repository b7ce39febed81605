/* Time zones made by hand. Must never read anything. */
#include "tests/lib/hand_zones.h"

#define CHANGE_S INT64_C(1893546000) /* 2030-01-02T01:00:00Z */

static int32_t east(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    (void)utc_s;
    return 5 * 3600 + 45 * 60;
}

static int32_t forth(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    return utc_s < CHANGE_S ? 3600 : 7200;
}

static int32_t back(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    return utc_s < CHANGE_S ? 7200 : 3600;
}

static int find(void *arg, struct text name, const struct zone **zone_out)
{
    static const struct {
        const char *name;
        struct zone zone;
    } zones[] = {{"Hand/East", {east}}, {"Hand/Forth", {forth}}, {"Hand/Back", {back}}};
    (void)arg;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (!text_is(name, zones[i].name))
            continue;
        *zone_out = &zones[i].zone;
        return 0;
    }
    return ZONE_UNKNOWN;
}

struct zone_port hand_zones(void)
{
    return (struct zone_port){find, NULL};
}
