/* Clocks: units and direction. */
#include "tests/testing.h"

#include <time.h>

#include "base/clock.h"

TEST(monotonic_does_not_step_back)
{
    uint64_t last = clock_mono_us();
    for (int i = 0; i < 100000; i++) {
        uint64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
}

TEST(units_agree)
{
    uint64_t before_us = clock_mono_us();
    uint64_t ms = clock_mono_ms();
    uint64_t after_us = clock_mono_us();
    assert_true(ms >= before_us / 1000 && ms <= after_us / 1000);
}

TEST(a_pause_shows_in_both)
{
    uint64_t mono = clock_mono_ms();
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
    uint64_t took = clock_mono_ms() - mono;
    assert_true(took >= 19 && took < 10000);
}

TEST(wall_is_milliseconds_since_1970)
{
    time_t before = time(NULL);
    uint64_t now = clock_wall_ms();
    time_t after = time(NULL);
    assert_true(now / 1000 + 1 >= (uint64_t)before && now / 1000 <= (uint64_t)after + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_does_not_step_back),
        cmocka_unit_test(units_agree),
        cmocka_unit_test(a_pause_shows_in_both),
        cmocka_unit_test(wall_is_milliseconds_since_1970),
    };
    return TESTS_RUN(tests);
}
