/* CHECK: silent when true, the end of the process when not, in every build. */
#include "tests/testing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/check.h"
#include "tests/unit/base/capture.h"

static int evaluated;

static int count_and_give(int value)
{
    evaluated++;
    return value;
}

enum { LINE_OF_FUNCTION = __LINE__ + 1 };
static void break_a_check(void *state __attribute__((unused)))
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    CHECK(1 + 1 == 3);
}

TEST(true_condition_goes_on_and_is_evaluated_once)
{
    CHECK(count_and_give(1));
    assert_int_equal(evaluated, 1);
}

TEST(false_condition_aborts_and_says_where)
{
    capture_begin(2);
    int status = capture_child(break_a_check, NULL);
    char *words = capture_end();
    char expected[64];
    snprintf(expected, sizeof expected, "test_check.c:%d: CHECK failed: 1 + 1 == 3\n",
             LINE_OF_FUNCTION + 5);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(words, expected));
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_condition_goes_on_and_is_evaluated_once),
        cmocka_unit_test(false_condition_aborts_and_says_where),
    };
    return TESTS_RUN(tests);
}
