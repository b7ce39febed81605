/* Fingerprints of failures: what is one cause, and what is not. */
#include "tests/testing.h"

#include "broker/core/cause.h"

static uint64_t of(const char *message)
{
    return cause_of(TEXT("mail"), TEXT("Timeout"), text_of(message));
}

static void test_numbers_and_ids_are_left_out(void **state)
{
    (void)state;
    assert_true(of("no answer after 31 s") == of("no answer after 7 s"));
    assert_true(of("host 10.0.0.1") == of("host 192.168.17.254"));
    assert_true(of("job 0192d3a0-7c1e-7000-8000-000000000001 is gone") ==
                of("job ffffd3a0-aaaa-7000-8000-00000000000f is gone"));
    assert_true(of("object 7fe3a9c01d at fault") == of("object 5510ab07ce at fault"));
    assert_true(of("there is no 'users.csv'") == of("there is no 'a b.csv'"));
    assert_true(of("key \"a\" (\"b\")") == of("key \"x\" (\"y z\")"));
}

static void test_words_are_kept(void **state)
{
    (void)state;
    assert_false(of("no answer") == of("no route"));
    assert_false(of("don't know") == of("don't care")); /* no quotes: an apostrophe */
    assert_false(of("a face") == of("a decade"));       /* letters alone are words, not hex */
    assert_false(of("") == of("x"));
    assert_true(of("it's 'a' quote") == of("it's 'b' quote"));
}

static void test_types_belong_to_it(void **state)
{
    (void)state;
    uint64_t cause = of("x");
    assert_false(cause == cause_of(TEXT("report"), TEXT("Timeout"), TEXT("x")));
    assert_false(cause == cause_of(TEXT("mail"), TEXT("Refused"), TEXT("x")));
    assert_false(cause_of(TEXT("ab"), TEXT("c"), TEXT("")) ==
                 cause_of(TEXT("a"), TEXT("bc"), TEXT("")));
}

static void test_text_and_back(void **state)
{
    (void)state;
    char text[CAUSE_LEN + 1];
    uint64_t cause = 0;
    cause_format(UINT64_C(0x00ab), text);
    assert_string_equal(text, "00000000000000ab");
    assert_int_equal(cause_parse(text_of(text), &cause), 0);
    assert_true(cause == UINT64_C(0x00ab));
    assert_int_equal(cause_parse(TEXT("00000000000000AB"), &cause), 1);
    assert_int_equal(cause_parse(TEXT("ab"), &cause), 1);
    assert_int_equal(cause_parse(TEXT("0000000000000000"), &cause), 1);
    assert_int_equal(cause_parse(TEXT(""), &cause), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_ids_are_left_out),
        cmocka_unit_test(test_words_are_kept),
        cmocka_unit_test(test_types_belong_to_it),
        cmocka_unit_test(test_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
