/* Growing buffers. */
#include "tests/testing.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

TEST(empty_is_zeroed_and_may_be_finished)
{
    struct buf buf = {0};
    assert_int_equal(buf_slice(&buf).len, 0);
    assert_good(buf_append(&buf, NULL, 0));
    buf_clear(&buf);
    buf_fini(&buf);
    buf_fini(NULL);
}

TEST(appends_follow_each_other)
{
    struct buf buf = {0};
    assert_good(buf_append(&buf, "ab\0", 3));
    assert_good(buf_append_text(&buf, TEXT("cd")));
    assert_true(text_eq(buf_text(&buf), TEXT("ab\0cd")));
    assert_true(slice_eq(buf_slice(&buf), text_slice(TEXT("ab\0cd"))));
    buf_fini(&buf);
    assert_null(buf.at);
    assert_int_equal(buf.cap, 0);
    assert_good(buf_append(&buf, "again", 5));
    buf_fini(&buf);
}

TEST(growth_doubles)
{
    struct buf buf = {0};
    size_t moves = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t cap = buf.cap;
        uint8_t byte = (uint8_t)i;
        assert_good(buf_append(&buf, &byte, 1));
        moves += buf.cap != cap;
    }
    assert_int_equal(buf.len, 100000);
    assert_true(moves <= 12);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(buf.at[i], (uint8_t)i);
    buf_fini(&buf);
}

TEST(clear_keeps_the_memory)
{
    struct buf buf = {0};
    assert_good(buf_reserve(&buf, 1000));
    uint8_t *at = buf.at;
    assert_true(buf.cap >= 1000);
    assert_good(buf_append(&buf, "x", 1));
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_ptr_equal(buf.at, at);
    buf_fini(&buf);
}

TEST(too_much_is_an_error_and_changes_nothing)
{
    struct buf buf = {0};
    assert_good(buf_append(&buf, "keep", 4));
    struct buf before = buf;
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), -EOVERFLOW);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX - 4), -EOVERFLOW);
    assert_int_equal(buf_reserve(&buf, (size_t)PTRDIFF_MAX - 3), -EOVERFLOW);
    assert_memory_equal(&before, &buf, sizeof buf);
    assert_true(text_is(buf_text(&buf), "keep"));
    buf_fini(&buf);
}

TEST(printf_appends_without_a_zero)
{
    struct buf buf = {0};
    assert_good(buf_printf(&buf, "%d-%s", 42, "x"));
    assert_good(buf_printf(&buf, "%s", ""));
    assert_good(buf_printf(&buf, "%0200d", 7));
    assert_int_equal(buf.len, 204);
    assert_memory_equal(buf.at, "42-x000", 7);
    assert_int_equal(buf.at[203], '7');
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_zeroed_and_may_be_finished),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(growth_doubles),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(too_much_is_an_error_and_changes_nothing),
        cmocka_unit_test(printf_appends_without_a_zero),
    };
    return TESTS_RUN(tests);
}
