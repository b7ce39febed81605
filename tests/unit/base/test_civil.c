/* Dates and days: known ones, and every day of four centuries there and back. */
#include "tests/testing.h"

#include "base/civil.h"

TEST(known_days)
{
    assert_int_equal(civil_days((struct civil_date){1970, 1, 1}), 0);
    assert_int_equal(civil_days((struct civil_date){1969, 12, 31}), -1);
    assert_int_equal(civil_days((struct civil_date){2000, 2, 29}), 11016);
    assert_int_equal(civil_days((struct civil_date){9999, 12, 31}), 2932896);
}

TEST(there_and_back)
{
    int64_t day = civil_days((struct civil_date){1800, 1, 1});
    int64_t end = civil_days((struct civil_date){2200, 1, 1});
    struct civil_date expected = {1800, 1, 1};
    for (; day < end; day++) {
        struct civil_date date = civil_date(day);
        assert_int_equal(date.year, expected.year);
        assert_int_equal(date.month, expected.month);
        assert_int_equal(date.day, expected.day);
        assert_int_equal(civil_days(date), day);
        if (++expected.day > civil_month_days(expected.year, expected.month)) {
            expected.day = 1;
            expected.month = expected.month % 12 + 1;
            expected.year += expected.month == 1;
        }
    }
}

TEST(leap_years)
{
    assert_int_equal(civil_month_days(2000, 2), 29);
    assert_int_equal(civil_month_days(1900, 2), 28);
    assert_int_equal(civil_month_days(2024, 2), 29);
    assert_int_equal(civil_month_days(2026, 2), 28);
    assert_int_equal(civil_month_days(2026, 12), 31);
}

TEST(weekdays)
{
    assert_int_equal(civil_weekday(0), 4);
    assert_int_equal(civil_weekday(-1), 3);
    assert_int_equal(civil_weekday(-5), 6);
    assert_int_equal(civil_weekday(civil_days((struct civil_date){2026, 11, 22})), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_days),
                                       cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(leap_years), cmocka_unit_test(weekdays)};
    return TESTS_RUN(tests);
}
