/* When to wake up, and when to tick.
 * Must never read a clock. */
#include "broker/ticks.h"

/* When the next tick is wanted. */
static uint64_t wanted_ms(const struct ticks *ticks, uint64_t deadline_ms)
{
    if (deadline_ms == UINT64_MAX)
        return UINT64_MAX;
    uint64_t latest = ticks->last_ms + TICK_LATE_MAX_MS;
    uint64_t wanted = deadline_ms < latest ? deadline_ms : latest;
    return wanted > ticks->not_before_ms ? wanted : ticks->not_before_ms;
}

int64_t ticks_wait_ms(const struct ticks *ticks, uint64_t deadline_ms, uint64_t now_ms)
{
    uint64_t wanted = wanted_ms(ticks, deadline_ms);
    if (wanted == UINT64_MAX)
        return -1;
    return wanted > now_ms ? (int64_t)(wanted - now_ms) : 0;
}

void ticks_seen(struct ticks *ticks, int64_t waited_ms, uint64_t now_ms)
{
    uint64_t expected = ticks->seen_ms + (uint64_t)(waited_ms > 0 ? waited_ms : 0);
    if (waited_ms >= 0 && now_ms > expected + TICK_GAP_MS)
        ticks->not_before_ms = now_ms + TICK_DRAIN_MS;
    ticks->seen_ms = now_ms;
}

bool ticks_due(struct ticks *ticks, uint64_t deadline_ms, uint64_t now_ms, bool more)
{
    uint64_t wanted = wanted_ms(ticks, deadline_ms);
    if (now_ms < wanted || (more && now_ms - wanted < TICK_PUT_OFF_MAX_MS))
        return false;
    ticks->last_ms = now_ms;
    return true;
}
