/* Any bytes as a cron expression: what is refused is told in words; what is read has ticks that
 * only go forward, also where clocks are changed, and fit what cron_last says. */
#include "tests/fuzz/fuzz.h"

#include "base/cron.h"
#include "proto/utf8.h"

/* Clocks go an hour forth and back every 50 days. */
static int32_t restless(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    return utc_s / (50 * 86400) % 2 ? 7200 : 3600;
}

static const struct zone hand = {restless};

static void tick(const struct cron *cron, const struct zone *zone, uint64_t after)
{
    uint64_t first = 0, next = after;
    for (int i = 0; i < 6 && cron_next(cron, zone, 5, after, &next) == 0; i++) {
        CHECK(next > after);
        first = first ? first : next;
        after = next;
    }
    if (first)
        CHECK(cron_last(cron, zone, 5, first, after) == after);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct cron cron;
    struct cron_fault fault = {NULL, ""};
    if (cron_parse((struct text){(const char *)at, len}, &cron, &fault) != 0) {
        CHECK(fault.field && fault.problem[0] != '\0');
        CHECK(utf8_valid(text_of(fault.problem)));
        return 0;
    }
    tick(&cron, &zone_utc, UINT64_C(1893456000000));
    tick(&cron, &hand, UINT64_C(4319999999)); /* just before a change */
    tick(&cron, &hand, UINT64_C(8639999999));
    return 0;
}
