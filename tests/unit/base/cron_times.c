/* Answers questions about cron expressions, for the comparisons in Python: on each line of stdin
 * `zone TAB after_ms TAB count TAB expression`, on each line of stdout the ticks in milliseconds,
 * `never` behind the last there is, or `error FIELD: PROBLEM`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cron.h"
#include "broker/zones.h"

static void answer(const struct cron *cron, const struct zone *zone, uint64_t after, int count)
{
    uint64_t anchor = after;
    for (int i = 0; i < count; i++) {
        if (cron_next(cron, zone, anchor, after, &after) != 0) {
            puts("never");
            return;
        }
        printf("%" PRIu64 "%s", after, i + 1 < count ? " " : "\n");
    }
}

static void take(const struct zone_port *port, char *line)
{
    struct cron cron;
    struct cron_fault fault;
    const struct zone *zone;
    char *zone_name = strsep(&line, "\t"), *after = strsep(&line, "\t");
    char *count = strsep(&line, "\t");
    CHECK(line);
    if (zone_find(port, text_of(zone_name), &zone) != 0)
        puts("error zone: unknown");
    else if (cron_parse(text_of(line), &cron, &fault) != 0)
        printf("error %s: %s\n", fault.field, fault.problem);
    else
        answer(&cron, zone, strtoull(after, NULL, 10), atoi(count));
}

int main(void)
{
    struct zones *zones;
    char line[1024];
    CHECK(zones_open(&zones) == 0);
    struct zone_port port = zones_port(zones);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        take(&port, line);
    }
    zones_close(&zones);
    return 0;
}
