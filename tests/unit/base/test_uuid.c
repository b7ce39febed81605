/* UUIDs: bits, order, texts. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/uuid.h"

/* The example of RFC 9562, appendix A.6. */
#define RFC_TEXT "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define RFC_HEX  "017f22e279b07cc398c4dc0c0c07398f"
#define RFC_MS   UINT64_C(0x017f22e279b0)

TEST(version_7_as_in_the_rfc)
{
    struct uuid uuid = uuid_v7(RFC_MS, 0xcc3, UINT64_C(0x18c4dc0c0c07398f));
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&uuid, text);
    assert_string_equal(text, RFC_TEXT);
    assert_true(uuid_wall_ms(&uuid) == RFC_MS);
    char hex[UUID_HEX_LEN + 1];
    uuid_format_hex(&uuid, hex);
    assert_string_equal(hex, RFC_HEX);
}

TEST(version_and_variant_stand_whatever_the_bits)
{
    struct uuid ones = uuid_v7(UINT64_MAX, UINT64_MAX, UINT64_MAX);
    struct uuid zeros = uuid_v7(0, 0, 0);
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&ones, text);
    assert_string_equal(text, "ffffffff-ffff-7fff-bfff-ffffffffffff");
    uuid_format(&zeros, text);
    assert_string_equal(text, "00000000-0000-7000-8000-000000000000");
}

TEST(every_form_is_read)
{
    static const char *const forms[] = {
        RFC_TEXT,         "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        RFC_HEX,          "017F22E279b07cc398c4dc0c0c07398f",
        "job_" RFC_HEX,   "run_017F22E279B07CC398C4DC0C0C07398F",
        "a_b-c_" RFC_HEX, "sixteen_letters__" RFC_HEX,
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct uuid uuid;
        char text[UUID_TEXT_LEN + 1];
        assert_good(uuid_parse(text_of(forms[i]), &uuid));
        uuid_format(&uuid, text);
        assert_string_equal(text, RFC_TEXT);
    }
}

TEST(what_is_no_uuid_is_refused_and_leaves_out_alone)
{
    static const char *const others[] = {
        "",
        "_",
        "job_",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        RFC_TEXT "0",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2:79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e279b0-7cc3-98c4-dc0c0c07398f",
        "017f22e279b07cc398c4dc0c0c07398",
        "017f22e279b07cc398c4dc0c0c07398f0",
        "_" RFC_HEX,
        "job" RFC_HEX,
        "job-" RFC_HEX,
        "job_" RFC_TEXT,
        "j b_" RFC_HEX,
        "more_than_sixteen_" RFC_HEX,
        " " RFC_TEXT,
        "{" RFC_TEXT "}",
        "------------------------------------",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct uuid uuid = {{1, 2, 3}};
        if (uuid_parse(text_of(others[i]), &uuid) != UUID_UNREADABLE)
            fail_msg("read: '%s'", others[i]);
        assert_int_equal(uuid.at[0], 1);
    }
    struct uuid uuid;
    assert_int_equal(uuid_parse(text_of(NULL), &uuid), UUID_UNREADABLE);
}

TEST(every_prefix_of_a_text_is_refused)
{
    for (size_t len = 0; len < UUID_TEXT_LEN; len++) {
        char part[UUID_TEXT_LEN]; /* exactly sized, so that ASan sees a read past the end */
        memcpy(part, RFC_TEXT, len);
        struct uuid uuid;
        assert_int_equal(uuid_parse((struct text){part, len}, &uuid), UUID_UNREADABLE);
    }
}

TEST(comparing)
{
    struct uuid null = {{0}};
    struct uuid one = {{[15] = 1}};
    struct uuid big = {{0x80}};
    assert_true(uuid_is_null(&null));
    assert_false(uuid_is_null(&one));
    assert_true(uuid_cmp(&null, &one) < 0);
    assert_true(uuid_cmp(&big, &one) > 0);
    assert_true(uuid_eq(&one, &one));
    assert_false(uuid_eq(&one, &big));
}

static void expect_next_is_greater(struct uuid_source *source, uint64_t wall_ms, uint64_t random,
                                   struct uuid *last)
{
    struct uuid next = uuid_next(source, wall_ms, random);
    assert_true(uuid_cmp(&next, last) > 0);
    assert_int_equal(next.at[6] >> 4, 7);
    assert_int_equal(next.at[8] >> 6, 2);
    *last = next;
}

TEST(ids_grow_when_the_clock_stands_still_or_steps_back)
{
    struct uuid_source source = {0};
    struct uuid last = {{0}};
    uint64_t random = UINT64_MAX;
    for (uint64_t i = 0; i < 5000; i++) {
        expect_next_is_greater(&source, RFC_MS, random, &last);
        random = random * UINT64_C(6364136223846793005) + 1;
    }
    assert_true(uuid_wall_ms(&last) == RFC_MS);
    expect_next_is_greater(&source, RFC_MS - 3600000, 0, &last);
    expect_next_is_greater(&source, 0, UINT64_MAX, &last);
    expect_next_is_greater(&source, RFC_MS - 1, 0, &last);
    assert_true(uuid_wall_ms(&last) == RFC_MS);
    expect_next_is_greater(&source, RFC_MS + 1, 0, &last);
    assert_true(uuid_wall_ms(&last) == RFC_MS + 1);
}

TEST(ids_grow_when_the_counter_is_full)
{
    struct uuid_source source = {0};
    struct uuid last = uuid_next(&source, 1000, UINT64_MAX);
    assert_true(source.count < UINT32_C(1) << 22);
    source.count = UINT32_MAX - 1;
    expect_next_is_greater(&source, 1000, 0, &last);
    assert_true(uuid_wall_ms(&last) == 1000);
    expect_next_is_greater(&source, 1000, UINT64_MAX, &last);
    assert_true(uuid_wall_ms(&last) == 1001);
    expect_next_is_greater(&source, 1000, 0, &last);
}

TEST(first_id_of_a_zeroed_source_at_time_zero)
{
    struct uuid_source source = {0};
    struct uuid last = uuid_next(&source, 0, 0);
    expect_next_is_greater(&source, 0, 0, &last);
}

/* Two sources that share a clock must not meet: all 64 random bits reach the id. */
TEST(every_random_bit_counts)
{
    struct uuid_source source = {0};
    struct uuid plain = uuid_next(&source, RFC_MS, 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        struct uuid_source other = {0};
        struct uuid uuid = uuid_next(&other, RFC_MS, UINT64_C(1) << bit);
        assert_false(uuid_eq(&plain, &uuid));
    }
}

TEST(random_bytes_differ)
{
    uint8_t bytes[300] = {0};
    random_bytes(bytes, sizeof bytes);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 30);
    assert_true(random_u64() != random_u64());
    random_bytes(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_7_as_in_the_rfc),
        cmocka_unit_test(version_and_variant_stand_whatever_the_bits),
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(what_is_no_uuid_is_refused_and_leaves_out_alone),
        cmocka_unit_test(every_prefix_of_a_text_is_refused),
        cmocka_unit_test(comparing),
        cmocka_unit_test(ids_grow_when_the_clock_stands_still_or_steps_back),
        cmocka_unit_test(ids_grow_when_the_counter_is_full),
        cmocka_unit_test(first_id_of_a_zeroed_source_at_time_zero),
        cmocka_unit_test(every_random_bit_counts),
        cmocka_unit_test(random_bytes_differ),
    };
    return TESTS_RUN(tests);
}
