/* Ticks: time waits for input, but not for ever. */
#include "tests/testing.h"

#include "broker/ticks.h"

enum { START = 1000000 };

static struct ticks fresh(void)
{
    return (struct ticks){.last_ms = START, .seen_ms = START};
}

TEST(without_a_deadline_it_sleeps)
{
    struct ticks ticks = fresh();
    assert_int_equal(ticks_wait_ms(&ticks, UINT64_MAX, START), -1);
    assert_false(ticks_due(&ticks, UINT64_MAX, START + 1000000, false));
}

TEST(it_wakes_for_the_deadline_and_ticks_once)
{
    struct ticks ticks = fresh();
    assert_int_equal(ticks_wait_ms(&ticks, START + 300, START + 100), 200);
    assert_int_equal(ticks_wait_ms(&ticks, START + 300, START + 400), 0);
    assert_false(ticks_due(&ticks, START + 300, START + 299, false));
    assert_true(ticks_due(&ticks, START + 300, START + 300, false));
    assert_false(ticks_due(&ticks, START + 5000, START + 301, false));
}

/* Due times are people's time, which may step while the deadline is far off. */
TEST(a_far_deadline_is_looked_at_every_second)
{
    struct ticks ticks = fresh();
    assert_int_equal(ticks_wait_ms(&ticks, START + 50000, START), TICK_LATE_MAX_MS);
    assert_true(ticks_due(&ticks, START + 50000, START + TICK_LATE_MAX_MS, false));
    assert_false(ticks_due(&ticks, START + 50000, START + TICK_LATE_MAX_MS + 1, false));
}

TEST(waiting_input_puts_it_off_but_not_for_ever)
{
    struct ticks ticks = fresh();
    assert_false(ticks_due(&ticks, START + 10, START + 10, true));
    assert_false(ticks_due(&ticks, START + 10, START + 9 + TICK_PUT_OFF_MAX_MS, true));
    assert_true(ticks_due(&ticks, START + 10, START + 10 + TICK_PUT_OFF_MAX_MS, true));
}

TEST(after_a_pause_input_comes_first)
{
    struct ticks ticks = fresh();
    uint64_t now = START + 60000;
    ticks_seen(&ticks, 100, now);
    assert_false(ticks_due(&ticks, START + 100, now, false));
    assert_int_equal(ticks_wait_ms(&ticks, START + 100, now), TICK_DRAIN_MS);
    ticks_seen(&ticks, TICK_DRAIN_MS, now + 5); /* input came */
    assert_false(ticks_due(&ticks, START + 100, now + 5, false));
    assert_true(ticks_due(&ticks, START + 100, now + TICK_DRAIN_MS, false));
}

TEST(a_long_sleep_that_was_meant_is_no_pause)
{
    struct ticks ticks = fresh();
    ticks_seen(&ticks, 60000, START + 60000);
    assert_true(ticks_due(&ticks, START + 60000, START + 60000, false));
    ticks_seen(&ticks, -1, START + 990000);
    assert_true(ticks_due(&ticks, START + 60001, START + 990000, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_deadline_it_sleeps),
        cmocka_unit_test(it_wakes_for_the_deadline_and_ticks_once),
        cmocka_unit_test(a_far_deadline_is_looked_at_every_second),
        cmocka_unit_test(waiting_input_puts_it_off_but_not_for_ever),
        cmocka_unit_test(after_a_pause_input_comes_first),
        cmocka_unit_test(a_long_sleep_that_was_meant_is_no_pause),
    };
    return TESTS_RUN(tests);
}
