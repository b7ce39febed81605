/* What every cmocka test includes: cmocka with the headers it needs, and a few words of ours.
 * Must never be included outside tests/.
 */
#ifndef REEVE_TESTS_TESTING_H
#define REEVE_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A result of a call that has to be 0; says which call gave what. */
#define assert_good(call) assert_int_equal((call), 0)

/* Runs all tests of a file's table: `return TESTS_RUN(tests);` at the end of main. */
#define TESTS_RUN(tests) cmocka_run_group_tests((tests), NULL, NULL)

/* A test function's head; they all look alike. */
#define TEST(name) static void name(void **state __attribute__((unused)))

#endif
