/* The machine's clocks.
 * Must never keep state: each call asks the kernel.
 */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static struct timespec now(clockid_t clock)
{
    struct timespec at;
    CHECK(clock_gettime(clock, &at) == 0);
    CHECK(at.tv_sec >= 0);
    return at;
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

uint64_t clock_mono_us(void)
{
    struct timespec at = now(CLOCK_MONOTONIC);
    return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

uint64_t clock_wall_ms(void)
{
    struct timespec at = now(CLOCK_REALTIME);
    return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}
