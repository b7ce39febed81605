/* Slices, texts and big-endian numbers. */
#include "tests/testing.h"

#include "base/endian.h"
#include "base/slice.h"

TEST(text_of_null_is_empty)
{
    struct text text = text_of(NULL);
    assert_int_equal(text.len, 0);
    assert_true(text_eq(text, text_of("")));
    assert_true(text_is(text, ""));
}

TEST(texts_are_equal_by_length_and_bytes)
{
    assert_true(text_eq(TEXT("abc"), text_of("abc")));
    assert_false(text_eq(TEXT("abc"), TEXT("ab")));
    assert_false(text_eq(TEXT("abc"), TEXT("abd")));
    assert_false(text_is(TEXT("a\0b"), "a"));
    assert_true(text_eq(TEXT("a\0b"), TEXT("a\0b")));
    assert_false(text_eq(TEXT("a\0b"), TEXT("a\0c")));
}

TEST(order_is_that_of_bytes_and_a_prefix_comes_first)
{
    assert_true(text_cmp(TEXT("a"), TEXT("b")) < 0);
    assert_true(text_cmp(TEXT("b"), TEXT("a")) > 0);
    assert_true(text_cmp(TEXT("a"), TEXT("ab")) < 0);
    assert_true(text_cmp(TEXT("ab"), TEXT("a")) > 0);
    assert_true(text_cmp(TEXT("\xff"), TEXT("a")) > 0);
    assert_int_equal(text_cmp(TEXT("ab"), TEXT("ab")), 0);
    assert_int_equal(text_cmp(text_of(NULL), TEXT("")), 0);
    assert_true(text_cmp(text_of(NULL), TEXT("a")) < 0);
}

TEST(slices_and_texts_are_the_same_bytes)
{
    struct text text = TEXT("bytes");
    struct slice slice = text_slice(text);
    assert_ptr_equal(slice.at, text.at);
    assert_true(text_eq(slice_text(slice), text));
    assert_true(slice_eq(slice, text_slice(TEXT("bytes"))));
    assert_false(slice_eq(slice, text_slice(TEXT("byte"))));
    assert_false(slice_eq(slice, text_slice(TEXT("bytez"))));
    assert_true(slice_eq((struct slice){0}, (struct slice){0}));
}

TEST(numbers_are_big_endian_at_any_address)
{
    uint8_t bytes[16] = {0};
    put_be64(bytes + 1, UINT64_C(0x0102030405060708));
    for (uint8_t i = 0; i < 8; i++)
        assert_int_equal(bytes[1 + i], i + 1);
    assert_int_equal(get_be64(bytes + 1), UINT64_C(0x0102030405060708));
    assert_int_equal(get_be32(bytes + 1), 0x01020304);
    assert_int_equal(get_be16(bytes + 1), 0x0102);
    put_be16(bytes + 3, 0xfffe);
    put_be32(bytes + 5, 0xfffefdfc);
    assert_int_equal(get_be16(bytes + 3), 0xfffe);
    assert_int_equal(get_be32(bytes + 5), 0xfffefdfc);
    put_be64(bytes, UINT64_MAX);
    assert_true(get_be64(bytes) == UINT64_MAX);
    assert_int_equal(bytes[0], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_null_is_empty),
        cmocka_unit_test(texts_are_equal_by_length_and_bytes),
        cmocka_unit_test(order_is_that_of_bytes_and_a_prefix_comes_first),
        cmocka_unit_test(slices_and_texts_are_the_same_bytes),
        cmocka_unit_test(numbers_are_big_endian_at_any_address),
    };
    return TESTS_RUN(tests);
}
