/* Sizes as people write them. */
#include "tests/testing.h"

#include "base/size.h"

struct sample {
    const char *text;
    uint64_t bytes;
};

TEST(sizes_are_read)
{
    static const struct sample samples[] = {
        {"0", 0},
        {"4096", 4096},
        {"10b", 10},
        {"1k", 1024},
        {"64K", 65536},
        {"2kb", 2048},
        {"3KiB", 3072},
        {"10M", 10485760},
        {"1g", 1073741824},
        {"1MIB", 1048576},
        {"2T", UINT64_C(2199023255552)},
        {"9223372036854775807", INT64_MAX},
        {"00000000000000000000000000001", 1},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint64_t bytes = 7;
        assert_good(size_parse(text_of(samples[i].text), &bytes));
        assert_true(bytes == samples[i].bytes);
    }
}

TEST(others_are_refused)
{
    static const char *const others[] = {
        "", "k", "-1", "+1", "1 k", "1x", "1kk", "1bk", "1.5k", "0x10", "1kib ", "1ki", "1bb",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t bytes = 77;
        if (size_parse(text_of(others[i]), &bytes) != SIZE_UNREADABLE)
            fail_msg("read: '%s'", others[i]);
        assert_true(bytes == 77);
    }
    uint64_t bytes;
    assert_int_equal(size_parse(text_of(NULL), &bytes), SIZE_UNREADABLE);
    assert_int_equal(size_parse(TEXT("1k\0"), &bytes), SIZE_UNREADABLE);
}

TEST(too_big_is_told_apart)
{
    static const char *const others[] = {
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999999",
        "9007199254740992k",
        "8388608t",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint64_t bytes = 77;
        if (size_parse(text_of(others[i]), &bytes) != SIZE_TOO_BIG)
            fail_msg("not too big: '%s'", others[i]);
        assert_true(bytes == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(too_big_is_told_apart),
    };
    return TESTS_RUN(tests);
}
