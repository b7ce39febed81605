/* Local times and instants in a zone made by hand: +1 h, +2 h from 1,000,000 s to 2,000,000 s. */
#include "tests/testing.h"

#include "base/zone.h"

enum { HOUR = 3600, FORTH = 1000000, BACK = 2000000 };

static int32_t summer(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    return utc_s >= FORTH && utc_s < BACK ? 2 * HOUR : HOUR;
}

static int32_t west(const struct zone *zone, int64_t utc_s)
{
    (void)zone;
    (void)utc_s;
    return -(3 * HOUR + 1800);
}

static const struct zone hand = {summer}, newfoundland = {west};

TEST(a_plain_time)
{
    assert_int_equal(zone_instant(&zone_utc, 1234), 1234);
    assert_int_equal(zone_instant(&hand, 500000 + HOUR), 500000);
    assert_int_equal(zone_instant(&hand, 1500000 + 2 * HOUR), 1500000);
    assert_int_equal(zone_instant(&newfoundland, 0), 3 * HOUR + 1800);
}

TEST(a_time_that_is_skipped_is_the_jump)
{
    assert_int_equal(zone_instant(&hand, FORTH + HOUR - 1), FORTH - 1);
    assert_int_equal(zone_instant(&hand, FORTH + HOUR), FORTH);
    assert_int_equal(zone_instant(&hand, FORTH + HOUR + 1800), FORTH);
    assert_int_equal(zone_instant(&hand, FORTH + 2 * HOUR - 1), FORTH);
    assert_int_equal(zone_instant(&hand, FORTH + 2 * HOUR), FORTH);
    assert_int_equal(zone_instant(&hand, FORTH + 2 * HOUR + 1), FORTH + 1);
}

TEST(a_time_that_comes_twice_is_the_first)
{
    assert_int_equal(zone_instant(&hand, BACK + HOUR), BACK - HOUR);
    assert_int_equal(zone_instant(&hand, BACK + 2 * HOUR - 1), BACK - 1);
    assert_int_equal(zone_instant(&hand, BACK + 2 * HOUR), BACK + HOUR);
}

TEST(changes)
{
    assert_int_equal(zone_change(&hand, FORTH - 5000, FORTH + 5000), FORTH);
    assert_int_equal(zone_change(&hand, FORTH - 1, FORTH), FORTH);
    assert_int_equal(zone_change(&hand, FORTH, FORTH + 86400), INT64_MAX);
    assert_int_equal(zone_change(&hand, BACK - 86400, BACK), BACK);
}

TEST(words)
{
    char text[ZONE_TIME_SIZE];
    zone_format(&zone_utc, 0, text);
    assert_string_equal(text, "1970-01-01T00:00:00+00:00");
    zone_format(&newfoundland, 0, text);
    assert_string_equal(text, "1969-12-31T20:30:00-03:30");
    zone_format(&hand, UINT64_C(1500000999), text);
    assert_string_equal(text, "1970-01-18T10:40:00+02:00");
}

static int find_hand(void *arg, struct text name, const struct zone **zone_out)
{
    *zone_out = &hand;
    return text_is(name, arg) ? 0 : ZONE_UNKNOWN;
}

TEST(ports)
{
    const struct zone *zone;
    struct zone_port none = {0}, port = {find_hand, "By/Hand"};
    assert_good(zone_find(&none, TEXT(""), &zone));
    assert_ptr_equal(zone, &zone_utc);
    assert_good(zone_find(&none, TEXT("Etc/UTC"), &zone));
    assert_int_equal(zone_find(&none, TEXT("By/Hand"), &zone), ZONE_UNKNOWN);
    assert_good(zone_find(&port, TEXT("By/Hand"), &zone));
    assert_ptr_equal(zone, &hand);
    assert_int_equal(zone_find(&port, TEXT("By/Foot"), &zone), ZONE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_plain_time),
                                       cmocka_unit_test(a_time_that_is_skipped_is_the_jump),
                                       cmocka_unit_test(a_time_that_comes_twice_is_the_first),
                                       cmocka_unit_test(changes),
                                       cmocka_unit_test(words),
                                       cmocka_unit_test(ports)};
    return TESTS_RUN(tests);
}
