/* Durations as people write them. */
#include "tests/testing.h"

#include "base/duration.h"

struct sample {
    const char *text;
    uint64_t ms;
};

TEST(durations_are_read)
{
    static const struct sample samples[] = {
        {"500ms", 500},
        {"10s", 10000},
        {"5m", 300000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1w", 604800000},
        {"1w2d3h4m5s6ms", 788645006},
        {"0", 0},
        {"0s", 0},
        {"7", 7000},
        {"0.25", 250},
        {"1.5s", 1500},
        {"1.5h", 5400000},
        {"0.5ms", 0},
        {"0.0019", 1},
        {"1.0000000001s", 1000},
        {"0000000000000000000000001s", 1000},
        {"36500d", DURATION_MAX_MS},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint64_t ms = 1234567;
        assert_good(duration_parse(text_of(samples[i].text), &ms));
        if (ms != samples[i].ms)
            fail_msg("'%s' became %ju", samples[i].text, (uintmax_t)ms);
    }
}

TEST(others_are_refused)
{
    static const char *const others[] = {
        "",       " ",    "s",     "ms",   "-1s",   "+1s", "1 s", "1S",   "1x",
        "1sec",   "1h30", "30m1h", "1s1s", "1ms1s", ".5s", "1.",  "1.s",  "1..5s",
        "1.5.5s", "1e3",  "0x10",  "1s ",  " 1s",   "inf", "nan", "1,5s",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t ms = 77;
        if (duration_parse(text_of(others[i]), &ms) != DURATION_UNREADABLE)
            fail_msg("read: '%s'", others[i]);
        assert_true(ms == 77);
    }
    uint64_t ms;
    assert_int_equal(duration_parse(TEXT("1s\0"), &ms), DURATION_UNREADABLE);
}

TEST(too_long_is_told_apart)
{
    static const char *const others[] = {
        "36501d",
        "36500d1ms",
        "36500d0.001s",
        "99999999999999999999999999s",
        "18446744073709551615ms",
        "18446744073709551616",
        "3153600000001ms",
        "5215w",
        "30500568905w", /* wraps around 2^64 to a small number */
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t ms = 77;
        if (duration_parse(text_of(others[i]), &ms) != DURATION_TOO_LONG)
            fail_msg("not too long: '%s'", others[i]);
        assert_true(ms == 77);
    }
}

TEST(what_is_written_is_read_back)
{
    static const struct sample samples[] = {
        {"0s", 0},          {"1ms", 1},           {"1s", 1000},
        {"1h30m", 5400000}, {"2d1ms", 172800001}, {"36500d", DURATION_MAX_MS},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char text[DURATION_TEXT_SIZE];
        duration_format(samples[i].ms, text);
        assert_string_equal(text, samples[i].text);
    }
    for (uint64_t ms = 1; ms < DURATION_MAX_MS; ms = ms * 3 + 1) {
        char text[DURATION_TEXT_SIZE];
        uint64_t back = 0;
        duration_format(ms, text);
        assert_good(duration_parse(text_of(text), &back));
        assert_true(back == ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(too_long_is_told_apart),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return TESTS_RUN(tests);
}
