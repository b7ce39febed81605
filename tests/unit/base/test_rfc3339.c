/* Times as text, against known moments and the C library. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rfc3339.h"

struct moment {
    const char *text;
    uint64_t ms;
};

TEST(known_moments_both_ways)
{
    static const struct moment moments[] = {
        {"1970-01-01T00:00:00.000Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"2000-02-29T23:59:59.999Z", UINT64_C(951868799999)},
        {"2000-03-01T00:00:00.000Z", UINT64_C(951868800000)},
        {"2026-01-31T12:34:56.789Z", UINT64_C(1769862896789)},
        {"2100-02-28T00:00:00.000Z", UINT64_C(4107456000000)},
        {"2100-03-01T00:00:00.000Z", UINT64_C(4107542400000)},
        {"9999-12-31T23:59:59.999Z", RFC3339_MAX_MS},
    };
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        char text[RFC3339_LEN + 1];
        uint64_t ms = 1;
        rfc3339_format(moments[i].ms, text);
        assert_string_equal(text, moments[i].text);
        assert_good(rfc3339_parse(text_of(moments[i].text), &ms));
        assert_true(ms == moments[i].ms);
    }
}

TEST(beyond_the_end_is_written_as_the_end)
{
    char text[RFC3339_LEN + 1];
    rfc3339_format(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

TEST(other_spellings)
{
    static const struct moment moments[] = {
        {"1970-01-01t00:00:01z", 1000},
        {"1970-01-01 00:00:01Z", 1000},
        {"1970-01-01T00:00:00.5Z", 500},
        {"1970-01-01T00:00:00.123999999999Z", 123},
        {"1970-01-01T01:30:00+01:30", 0},
        {"1969-12-31T19:00:00-05:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T23:59:60Z", 86400000},
        {"2026-07-01T00:00:00.25+02:00", UINT64_C(1782856800250)},
    };
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        uint64_t ms = 1;
        assert_good(rfc3339_parse(text_of(moments[i].text), &ms));
        assert_true(ms == moments[i].ms);
    }
}

TEST(what_is_no_time_is_refused)
{
    static const char *const others[] = {
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00ZZ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z ",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+01:60",
        "26-01-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
        "2026/01/01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t ms = 77;
        if (rfc3339_parse(text_of(others[i]), &ms) != RFC3339_UNREADABLE)
            fail_msg("read: '%s'", others[i]);
        assert_true(ms == 77);
    }
    uint64_t ms;
    assert_int_equal(rfc3339_parse(TEXT("2026-01-01\0T00:00:00Z"), &ms), RFC3339_UNREADABLE);
}

TEST(every_prefix_is_refused)
{
    static const char whole[] = "2026-01-31T12:34:56.789+01:00";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char part[sizeof whole];
        uint64_t ms;
        memcpy(part, whole, len);
        assert_int_equal(rfc3339_parse((struct text){part, len}, &ms), RFC3339_UNREADABLE);
    }
}

TEST(every_day_agrees_with_the_c_library)
{
    for (time_t day = 0; day < 60000; day++) {
        time_t at = day * 86400 + 45296;
        struct tm tm;
        char expected[RFC3339_LEN + 1];
        char text[RFC3339_LEN + 1];
        uint64_t ms = 0;
        assert_non_null(gmtime_r(&at, &tm));
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.042Z", &tm),
                         RFC3339_LEN);
        rfc3339_format((uint64_t)at * 1000 + 42, text);
        assert_string_equal(text, expected);
        assert_good(rfc3339_parse(text_of(text), &ms));
        assert_true(ms == (uint64_t)at * 1000 + 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments_both_ways),
        cmocka_unit_test(beyond_the_end_is_written_as_the_end),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
    };
    return TESTS_RUN(tests);
}
