/* Cron expressions in UTC: what is read, what is refused and in which words, what comes next. Zones
 * and random expressions are compared elsewhere (test_cron_*.py). */
#include "tests/testing.h"

#include <string.h>

#include "base/cron.h"
#include "base/rfc3339.h"

static uint64_t ms_of(const char *text)
{
    uint64_t ms = 0;
    assert_good(rfc3339_parse(text_of(text), &ms));
    return ms;
}

static struct cron parsed(const char *text)
{
    struct cron cron;
    struct cron_fault fault;
    if (cron_parse(text_of(text), &cron, &fault) != 0)
        fail_msg("'%s' is refused: %s: %s", text, fault.field, fault.problem);
    return cron;
}

static void next_is(const char *text, const char *after, const char *expected)
{
    struct cron cron = parsed(text);
    uint64_t next = 0;
    char words[RFC3339_LEN + 1];
    assert_good(cron_next(&cron, &zone_utc, ms_of(after), ms_of(after), &next));
    rfc3339_format(next, words);
    assert_string_equal(words, expected);
}

static void refused(const char *text, const char *field, const char *problem)
{
    struct cron cron;
    struct cron_fault fault = {"", ""};
    assert_int_equal(cron_parse(text_of(text), &cron, &fault), CRON_UNREADABLE);
    assert_string_equal(fault.field, field);
    if (!strstr(fault.problem, problem))
        fail_msg("'%s': expected '%s' in '%s'", text, problem, fault.problem);
}

TEST(five_fields)
{
    next_is("0 3 * * *", "2026-01-31T03:00:00Z", "2026-02-01T03:00:00.000Z");
    next_is("0 3 * * *", "2026-01-31T02:59:59.999Z", "2026-01-31T03:00:00.000Z");
    next_is("*/15 9-17 * * MON-FRI", "2026-11-20T17:45:00Z", "2026-11-23T09:00:00.000Z");
    next_is("5/20 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00.000Z");
    next_is("5/20 * * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:25:00.000Z");
    next_is("59 23 31 12 ?", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00.000Z");
    next_is("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00.000Z");
    next_is("0\t0   1 jan,Jul\t*", "2026-03-01T00:00:00Z", "2026-07-01T00:00:00.000Z");
}

TEST(six_fields)
{
    next_is("30 0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-01T03:00:30.000Z");
    next_is("*/10 * * * * *", "2026-01-01T00:00:05Z", "2026-01-01T00:00:10.000Z");
    next_is("0,59 59 23 * * *", "2026-01-01T23:59:00Z", "2026-01-01T23:59:59.000Z");
}

TEST(both_kinds_of_day)
{
    /* The 13th, or a Friday. */
    next_is("0 0 13 * FRI", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00.000Z");
    next_is("0 0 13 * FRI", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00.000Z");
    /* Begins with a star: both must fit. The odd days that are Mondays. */
    next_is("0 0 */2 * MON", "2026-11-01T00:00:00Z", "2026-11-09T00:00:00.000Z");
    next_is("0 0 13 * ?", "2026-11-14T00:00:00Z", "2026-12-13T00:00:00.000Z");
}

TEST(sundays)
{
    next_is("0 0 * * 0", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00.000Z");
    next_is("0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00.000Z");
    next_is("0 0 * * FRI-SUN", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00.000Z");
    next_is("0 0 * * 6-7", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00.000Z");
    next_is("0 0 * * SUN-TUE", "2026-11-25T00:00:00Z", "2026-11-29T00:00:00.000Z");
}

TEST(names)
{
    next_is("@yearly", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00.000Z");
    next_is("@annually", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00.000Z");
    next_is("@monthly", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00.000Z");
    next_is("@weekly", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00.000Z");
    next_is(" @daily ", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00.000Z");
    next_is("@midnight", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00.000Z");
    next_is("@hourly", "2026-11-23T00:00:00Z", "2026-11-23T01:00:00.000Z");
}

TEST(every_counts_from_its_anchor)
{
    struct cron cron = parsed("@every 1m30s");
    uint64_t next = 0;
    assert_good(cron_next(&cron, &zone_utc, 1000, 1000, &next));
    assert_int_equal(next, 91000);
    assert_good(cron_next(&cron, &zone_utc, 1000, 90999, &next));
    assert_int_equal(next, 91000);
    assert_good(cron_next(&cron, &zone_utc, 1000, 91000, &next));
    assert_int_equal(next, 181000);
    /* A thousand late calls later it has not drifted. */
    assert_good(cron_next(&cron, &zone_utc, 1000, 1000 + 1000 * UINT64_C(90000) + 77, &next));
    assert_int_equal(next, 1000 + 1001 * UINT64_C(90000));
    /* A clock put back behind the anchor. */
    assert_good(cron_next(&cron, &zone_utc, 500000, 1000, &next));
    assert_int_equal(next, 590000);
}

TEST(refusals_name_the_field)
{
    refused("60 * * * *", "minute", "expected 0 to 59 instead of '60'");
    refused("* 24 * * *", "hour", "expected 0 to 23");
    refused("* * 0 * *", "day of month", "expected 1 to 31");
    refused("* * * 13 *", "month", "expected 1 to 12 or a name");
    refused("* * * FOO *", "month", "instead of 'FOO'");
    refused("* * * * 8", "day of week", "expected 0 to 7 or a name");
    refused("61 * * * * *", "second", "expected 0 to 59");
    refused("*/0 * * * *", "minute", "expected a step of 1 to 59");
    refused("*/60 * * * *", "minute", "expected a step of 1 to 59");
    refused("*/ * * * *", "minute", "expected a step");
    refused("30-10 * * * *", "minute", "30 comes after 10");
    refused("* * * * FRI-MON", "day of week", "comes after");
    refused("1,,2 * * * *", "minute", "expected 0 to 59");
    refused("1, * * * *", "minute", "expected 0 to 59");
    refused("1;2 * * * *", "minute", "';2' is too much");
    refused("? * * * *", "minute", "expected 0 to 59");
    refused("99999 * * * *", "minute", "expected 0 to 59");
    refused("-1 * * * *", "minute", "expected 0 to 59");
    refused("\xc3\xa4 * * * *", "minute", "instead of '?");
    refused("* * * MARCH *", "month", "'CH' is too much");
}

TEST(letters_of_other_dialects)
{
    refused("* * L * *", "day of month", "L, W and # are not known");
    refused("* * 15W * *", "day of month", "L, W and # are not known");
    refused("* * LW * *", "day of month", "L, W and # are not known");
    refused("* * * * 5#3", "day of week", "L, W and # are not known");
    refused("* * * * 5L", "day of week", "L, W and # are not known");
}

TEST(refusals_of_the_whole)
{
    char longest[300];
    memset(longest, '*', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refused("", "", "expected five fields");
    refused("* * * *", "", "expected five fields");
    refused("* * * * * * *", "", "expected five fields");
    refused("@reboot", "", "expected @yearly");
    refused("@daily 5", "", "expected @yearly");
    refused("@every", "@every", "expected a span");
    refused("@every 500ms", "@every", "expected a span of 1s");
    refused("@every 4000d", "@every", "expected a span");
    refused("@every 5m 3", "@every", "expected a span");
    refused(longest, "", "at most 255 bytes");
}

TEST(days_that_never_come)
{
    struct cron cron;
    uint64_t next;
    refused("0 0 30 2 *", "day of month", "no such month has this day");
    refused("0 0 31 4,6,9,11 *", "day of month", "no such month has this day");
    parsed("0 0 30 2 MON"); /* or a Monday */
    cron = parsed("0 0 1 1 *");
    assert_int_equal(cron_next(&cron, &zone_utc, 0, ms_of("9999-06-01T00:00:00Z"), &next),
                     CRON_NEVER);
    cron = parsed("@every 3000d");
    assert_int_equal(cron_next(&cron, &zone_utc, ms_of("9998-01-01T00:00:00Z"),
                               ms_of("9998-01-01T00:00:00Z"), &next),
                     CRON_NEVER);
}

TEST(a_leap_day_on_a_monday)
{
    /* Begins with a star, so both must fit: 29 February on a Monday, in 2044 and then in 2072. */
    next_is("0 0 */28 2 MON", "2043-02-02T00:00:00Z", "2044-02-01T00:00:00.000Z");
    next_is("0 0 */28 2 MON", "2044-02-02T00:00:00Z", "2044-02-29T00:00:00.000Z");
}

TEST(the_last_tick)
{
    struct cron cron = parsed("0 3 * * *");
    uint64_t first = ms_of("2026-01-01T03:00:00Z");
    assert_int_equal(cron_last(&cron, &zone_utc, 0, first, ms_of("2026-06-05T02:59:59Z")),
                     ms_of("2026-06-04T03:00:00Z"));
    assert_int_equal(cron_last(&cron, &zone_utc, 0, first, ms_of("2026-06-05T03:00:00Z")),
                     ms_of("2026-06-05T03:00:00Z"));
    assert_int_equal(cron_last(&cron, &zone_utc, 0, first, first), first);
    cron = parsed("* * * * * *");
    assert_int_equal(cron_last(&cron, &zone_utc, 0, first, first + 999), first);
    assert_int_equal(cron_last(&cron, &zone_utc, 0, first, first + 86400999),
                     first + UINT64_C(86400000));
    cron = parsed("@every 7s");
    assert_int_equal(cron_last(&cron, &zone_utc, 5, 7005, 700004), 693005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(five_fields),
                                       cmocka_unit_test(six_fields),
                                       cmocka_unit_test(both_kinds_of_day),
                                       cmocka_unit_test(sundays),
                                       cmocka_unit_test(names),
                                       cmocka_unit_test(every_counts_from_its_anchor),
                                       cmocka_unit_test(refusals_name_the_field),
                                       cmocka_unit_test(letters_of_other_dialects),
                                       cmocka_unit_test(refusals_of_the_whole),
                                       cmocka_unit_test(days_that_never_come),
                                       cmocka_unit_test(a_leap_day_on_a_monday),
                                       cmocka_unit_test(the_last_tick)};
    return TESTS_RUN(tests);
}
