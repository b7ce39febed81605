/* The pre-scan, the pull reader and the packer: bytes as they come, good and hostile. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/scan.h"

#define BYTES(...) \
    ((struct slice){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static const char *problem_of(struct slice in)
{
    const char *problem = "(not set)";
    int rc = scan_value(in, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem);
    assert_true((rc != 0) == (problem != NULL));
    return problem;
}

#define assert_refused(in, words)                 \
    do {                                          \
        const char *why = problem_of(in);         \
        assert_non_null(why);                     \
        assert_non_null(strstr(why, (words)));    \
    } while (0)

TEST(every_kind_of_value_is_accepted)
{
    static const uint8_t firsts[] = {0x00, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc2, 0xc3, 0xe0, 0xff};
    for (size_t i = 0; i < sizeof firsts; i++)
        assert_null(problem_of((struct slice){&firsts[i], 1}));
    assert_null(problem_of(BYTES(0xc4, 1, 9)));
    assert_null(problem_of(BYTES(0xc5, 0, 1, 9)));
    assert_null(problem_of(BYTES(0xc6, 0, 0, 0, 1, 9)));
    assert_null(problem_of(BYTES(0xca, 0, 0, 0, 0)));
    assert_null(problem_of(BYTES(0xcb, 0, 0, 0, 0, 0, 0, 0, 0)));
    assert_null(problem_of(BYTES(0xcc, 1)));
    assert_null(problem_of(BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 1)));
    assert_null(problem_of(BYTES(0xd9, 1, 'a')));
    assert_null(problem_of(BYTES(0xda, 0, 1, 'a')));
    assert_null(problem_of(BYTES(0xdb, 0, 0, 0, 1, 'a')));
    assert_null(problem_of(BYTES(0xdc, 0, 1, 5)));
    assert_null(problem_of(BYTES(0xdd, 0, 0, 0, 1, 5)));
    assert_null(problem_of(BYTES(0xde, 0, 1, 5, 6)));
    assert_null(problem_of(BYTES(0xdf, 0, 0, 0, 1, 5, 6)));
}

TEST(nothing_cut_and_too_much_are_refused)
{
    assert_refused(((struct slice){NULL, 0}), "cut short");
    assert_refused(BYTES(0xa3, 'a', 'b'), "cut short");
    assert_refused(BYTES(0x81, 0xa1, 'k'), "cut short");
    assert_refused(BYTES(0xcd, 1), "cut short");
    assert_refused(BYTES(0xc0, 0xc0), "bytes follow");
}

TEST(reserved_and_extension_types_are_refused)
{
    assert_refused(BYTES(0xc1), "0xc1");
    assert_refused(BYTES(0xd4, 1, 2), "extension");
    assert_refused(BYTES(0xc7, 1, 5, 2), "extension");
    assert_refused(BYTES(0xd8, 1), "extension");
    assert_refused(BYTES(0x91, 0xc9, 0, 0, 0, 0, 1), "extension");
}

/* The header bombs of msgpack-c: a few bytes that claim billions of items or bytes. */
TEST(bombs_cost_nothing)
{
    assert_refused(BYTES(0xdd, 0xff, 0xff, 0xff, 0xff), "too many items");
    assert_refused(BYTES(0xdf, 0xff, 0xff, 0xff, 0xff), "too many items");
    assert_refused(BYTES(0xdc, 0xff, 0xff), "cut short");
    assert_refused(BYTES(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'), "cut short");
    assert_refused(BYTES(0xc6, 0xff, 0xff, 0xff, 0xff, 'a'), "cut short");
}

TEST(deep_nesting_is_refused_without_recursion)
{
    uint8_t deep[10001];
    memset(deep, 0x91, 10000);
    deep[10000] = 0xc0;
    assert_refused(((struct slice){deep, sizeof deep}), "too deeply");
    const uint8_t *most = deep + 10000 - MESSAGE_DEPTH_MAX;
    assert_null(problem_of((struct slice){most, MESSAGE_DEPTH_MAX + 1}));
    assert_refused(((struct slice){most - 1, MESSAGE_DEPTH_MAX + 2}), "too deeply");
}

TEST(items_are_bounded)
{
    const char *problem;
    struct slice four = BYTES(0x92, 0xc0, 0x91, 0xc0);
    assert_int_equal(scan_value(four, 4, 4, &problem), 0);
    assert_int_equal(scan_value(four, 4, 3, &problem), 1);
    assert_string_equal(problem, "the value has too many items");
}

TEST(numbers_are_read_at_every_width)
{
    static const uint64_t whole[] = {0,      127,        128,           255,       256,
                                     65535,  65536,      UINT32_MAX,    UINT64_C(1) << 32,
                                     (UINT64_C(1) << 53) + 1, INT64_MAX, UINT64_MAX};
    static const int64_t below[] = {-1,     -32,       -33,  -128, -129, -32768, -32769, INT32_MIN,
                                    (int64_t)INT32_MIN - 1, INT64_MIN};
    struct buf buf = {0};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        assert_good(pack_u64(&buf, whole[i]));
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++)
        assert_good(pack_i64(&buf, below[i]));
    struct mp_reader reader = mp_reader_of(buf_slice(&buf));
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        struct mp_token token = mp_next(&reader);
        assert_int_equal(token.type, MP_UINT);
        assert_true(token.as.uint == whole[i]);
    }
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        struct mp_token token = mp_next(&reader);
        assert_int_equal(token.type, MP_INT);
        assert_true(token.as.sint == below[i]);
    }
    assert_int_equal(mp_next(&reader).type, MP_END);
    buf_fini(&buf);
}

/* Other writers use signed forms for numbers that are positive. */
TEST(positive_numbers_in_signed_forms_are_unsigned)
{
    struct mp_reader reader = mp_reader_of(BYTES(0xd0, 5, 0xd1, 1, 0, 0xd2, 0, 0, 0, 7));
    assert_true(mp_next(&reader).as.uint == 5);
    struct mp_token token = mp_next(&reader);
    assert_int_equal(token.type, MP_UINT);
    assert_true(token.as.uint == 256);
    assert_true(mp_next(&reader).as.uint == 7);
}

TEST(floats_of_both_widths)
{
    struct mp_reader reader = mp_reader_of(
        BYTES(0xca, 0x3f, 0xc0, 0, 0, 0xcb, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0, 0xca, 0x7f, 0xc0, 0, 0));
    assert_true(mp_next(&reader).as.real == 1.5);
    assert_true(mp_next(&reader).as.real == -1.5);
    assert_true(isnan(mp_next(&reader).as.real));
}

TEST(texts_and_bytes_point_into_the_input)
{
    struct slice in = BYTES(0xa2, 'h', 'i', 0xd9, 1, 'x', 0xc4, 2, 0, 1, 0xa0);
    struct mp_reader reader = mp_reader_of(in);
    struct mp_token token = mp_next(&reader);
    assert_int_equal(token.type, MP_STR);
    assert_ptr_equal(token.as.bytes.at, in.at + 1);
    assert_true(token.as.bytes.len == 2);
    assert_int_equal(mp_next(&reader).as.bytes.at[0], 'x');
    token = mp_next(&reader);
    assert_int_equal(token.type, MP_BIN);
    assert_true(token.as.bytes.len == 2);
    assert_true(mp_next(&reader).as.bytes.len == 0);
}

TEST(skipping_steps_over_whole_values)
{
    struct slice in = BYTES(0x82, 0xa1, 'a', 0x92, 1, 2, 0xa1, 'b', 0x81, 3, 4, 7);
    struct mp_reader reader = mp_reader_of(in);
    assert_int_equal(mp_peek(&reader), MP_MAP);
    assert_true(mp_skip(&reader).len == in.len - 1);
    assert_true(mp_next(&reader).as.uint == 7);
    assert_null(mp_skip(&reader).at);
}

TEST(skipping_what_is_cut_moves_nothing)
{
    struct slice in = BYTES(0x93, 1, 2);
    struct mp_reader reader = mp_reader_of(in);
    assert_null(mp_skip(&reader).at);
    assert_ptr_equal(reader.at, in.at);
    uint8_t deep[10000];
    memset(deep, 0x91, sizeof deep);
    reader = mp_reader_of((struct slice){deep, sizeof deep});
    assert_null(mp_skip(&reader).at);
}

TEST(heads_are_the_shortest_there_are)
{
    struct buf buf = {0};
    assert_good(pack_map(&buf, 15));
    assert_good(pack_map(&buf, 16));
    assert_good(pack_array(&buf, 15));
    assert_good(pack_array(&buf, 70000));
    assert_good(pack_bin(&buf, (struct slice){NULL, 0}));
    assert_good(pack_text(&buf, (struct text){NULL, 0}));
    assert_good(pack_bool(&buf, false));
    assert_good(pack_raw(&buf, BYTES(0xc0)));
    static const uint8_t wanted[] = {0x8f, 0xde, 0,    16,   0x9f, 0xdd, 0,    1,
                                     0x11, 0x70, 0xc4, 0x00, 0xa0, 0xc2, 0xc0};
    assert_true(buf.len == sizeof wanted);
    assert_memory_equal(buf.at, wanted, sizeof wanted);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_accepted),
        cmocka_unit_test(nothing_cut_and_too_much_are_refused),
        cmocka_unit_test(reserved_and_extension_types_are_refused),
        cmocka_unit_test(bombs_cost_nothing),
        cmocka_unit_test(deep_nesting_is_refused_without_recursion),
        cmocka_unit_test(items_are_bounded),
        cmocka_unit_test(numbers_are_read_at_every_width),
        cmocka_unit_test(positive_numbers_in_signed_forms_are_unsigned),
        cmocka_unit_test(floats_of_both_widths),
        cmocka_unit_test(texts_and_bytes_point_into_the_input),
        cmocka_unit_test(skipping_steps_over_whole_values),
        cmocka_unit_test(skipping_what_is_cut_moves_nothing),
        cmocka_unit_test(heads_are_the_shortest_there_are),
    };
    return TESTS_RUN(tests);
}
