/* Options: layers, spellings, limits and what is said when they are wrong. */
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/base/capture.h"
#include "tests/unit/base/sample.h"

#define WORDS_MAX 16

static struct sample_settings got;
static struct settings_list rest;
static char *said;

static int clear_environment(void **state __attribute__((unused)))
{
    got = (struct sample_settings){0};
    for (size_t i = 0; i < sample_table.count; i++) {
        if (sample_rows[i].env)
            unsetenv(sample_rows[i].env);
    }
    return 0;
}

static int forget(void **state __attribute__((unused)))
{
    settings_fini(&sample_table, &got);
    settings_list_fini(&rest);
    free(said);
    said = NULL;
    return 0;
}

/* Loads the sample's settings from a line of words; what it prints on stderr is kept in `said`. */
static int load(const char *line)
{
    char *words = strdup(line);
    char *argv[WORDS_MAX] = {(char[]){"sample"}};
    int argc = 1;
    assert_non_null(words);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    forget(NULL);
    got = (struct sample_settings){0};
    capture_begin(2);
    int rc = settings_load(&sample_table, argc, argv, &got, &rest);
    said = capture_end();
    free(words);
    return rc;
}

static void expect_wrong(const char *line, const char *sentence)
{
    assert_int_equal(load(line), SETTINGS_WRONG);
    char expected[512] = "sample: ";
    strcat(expected, sentence);
    strcat(expected, "\nTry 'sample --help'.\n");
    assert_string_equal(said, expected);
    assert_null(got.data);
    assert_null(got.queue.at);
    assert_int_equal(rest.count, 0);
}

TEST(defaults_alone)
{
    assert_good(load(""));
    assert_null(got.data);
    assert_string_equal(got.listen, "127.0.0.1:8080");
    assert_int_equal(got.workers, 4);
    assert_true(got.limit == SETTING_ABSENT);
    assert_int_equal(got.nice, 0);
    assert_int_equal(got.grace, 10000);
    assert_int_equal(got.cache, 65536);
    assert_false(got.insecure);
    assert_int_equal(got.queue.count, 1);
    assert_string_equal(got.queue.at[0], "default");
    assert_string_equal(said, "");
}

TEST(long_options_in_both_spellings)
{
    assert_good(load("--data /a --listen=:1 --workers=64 --limit 0 --nice -20 --grace 1m "
                     "--cache=1M --insecure --verbose=yes"));
    assert_string_equal(got.data, "/a");
    assert_string_equal(got.listen, ":1");
    assert_int_equal(got.workers, 64);
    assert_int_equal(got.limit, 0);
    assert_int_equal(got.nice, -20);
    assert_int_equal(got.grace, 60000);
    assert_int_equal(got.cache, 1048576);
    assert_true(got.insecure);
    assert_true(got.verbose);
}

TEST(letters_alone_grouped_and_with_values)
{
    assert_good(load("-iv -w8 -d /x -qa -q b"));
    assert_true(got.insecure);
    assert_true(got.verbose);
    assert_int_equal(got.workers, 8);
    assert_string_equal(got.data, "/x");
    assert_int_equal(got.queue.count, 2);
    assert_string_equal(got.queue.at[1], "b");
    assert_good(load("-ivw9"));
    assert_int_equal(got.workers, 9);
}

TEST(the_last_of_several_wins_and_values_may_be_empty)
{
    assert_good(load("--workers 1 --workers 2 --verbose --verbose=no --listen="));
    assert_int_equal(got.workers, 2);
    assert_false(got.verbose);
    assert_string_equal(got.listen, "");
}

TEST(words_may_stand_anywhere)
{
    assert_good(load("one --workers 2 two - -- --data -x"));
    const char *expected[] = {"one", "two", "-", "--data", "-x"};
    assert_int_equal(rest.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(rest.at[i], expected[i]);
    assert_null(got.data);
}

TEST(a_program_without_words_refuses_them)
{
    char *argv[] = {(char[]){"sample"}, (char[]){"word"}};
    capture_begin(2);
    int rc = settings_load(&sample_table, 2, argv, &got, NULL);
    said = capture_end();
    assert_int_equal(rc, SETTINGS_WRONG);
    assert_string_equal(said, "sample: unexpected word 'word'\nTry 'sample --help'.\n");
}

TEST(environment_stands_between_default_and_command_line)
{
    setenv("SAMPLE_WORKERS", "7", 1);
    setenv("SAMPLE_GRACE", "", 1);
    setenv("SAMPLE_INSECURE", "on", 1);
    setenv("SAMPLE_QUEUES", "a,b,c", 1);
    assert_good(load(""));
    assert_int_equal(got.workers, 7);
    assert_int_equal(got.grace, 10000);
    assert_true(got.insecure);
    assert_int_equal(got.queue.count, 3);
    assert_string_equal(got.queue.at[2], "c");
    assert_good(load("--workers 9 --insecure=off --queue x"));
    assert_int_equal(got.workers, 9);
    assert_false(got.insecure);
    assert_int_equal(got.queue.count, 1);
    assert_string_equal(got.queue.at[0], "x");
}

TEST(a_comma_on_the_command_line_is_part_of_the_word)
{
    assert_good(load("--queue a,b"));
    assert_int_equal(got.queue.count, 1);
    assert_string_equal(got.queue.at[0], "a,b");
}

TEST(unknown_options_are_named)
{
    expect_wrong("--frob", "unknown option '--frob'");
    expect_wrong("--frob=1", "unknown option '--frob'");
    expect_wrong("--dat /a", "unknown option '--dat'");
    expect_wrong("--data /a --queue b -ix", "unknown option '-x'");
    expect_wrong("word --no-verbose", "unknown option '--no-verbose'");
    expect_wrong("--help=x", "unknown option '--help'");
}

TEST(missing_values_are_named)
{
    expect_wrong("--data", "--data needs a value");
    expect_wrong("--queue a -d", "-d needs a value");
    expect_wrong("--data=", "--data needs a value");
}

TEST(wrong_values_are_named_with_what_is_expected)
{
    expect_wrong("--workers x", "--workers: 'x' is not a whole number");
    expect_wrong("--workers -1", "--workers: '-1' is not a whole number");
    expect_wrong("--workers 1x", "--workers: '1x' is not a whole number");
    expect_wrong("--limit 18446744073709551616",
                 "--limit: '18446744073709551616' is not a whole number");
    expect_wrong("--limit 18446744073709551615",
                 "--limit: '18446744073709551615' is not a whole number");
    expect_wrong("--nice 9223372036854775808",
                 "--nice: '9223372036854775808' is not a whole number");
    expect_wrong("--nice -", "--nice: '-' is not a whole number");
    expect_wrong("--grace soon", "--grace: 'soon' is not a duration, such as 500ms, 10s, 5m, "
                                 "1h30m or 2d");
    expect_wrong("--cache 1.5k", "--cache: '1.5k' is not a size, such as 4096, 64k, 10M or 2G");
    expect_wrong("--verbose=perhaps", "--verbose: 'perhaps' is not yes or no");
}

TEST(values_outside_their_limits_are_named_with_the_limits)
{
    expect_wrong("-w 0", "-w: '0' is outside its limits, 1 to 64");
    expect_wrong("--workers 65", "--workers: '65' is outside its limits, 1 to 64");
    expect_wrong("--nice 20", "--nice: '20' is outside its limits, -20 to 19");
    expect_wrong("--nice -21", "--nice: '-21' is outside its limits, -20 to 19");
    expect_wrong("--grace 99ms", "--grace: '99ms' is outside its limits, 100ms to 1m");
    expect_wrong("--grace 61", "--grace: '61' is outside its limits, 100ms to 1m");
    expect_wrong("--cache 2M", "--cache: '2M' is outside its limits, 1024 to 1048576 bytes");
    expect_wrong("--data 123456789012345678901",
                 "--data: '123456789012345678901' is 21 bytes long; allowed are 1 to 20");
    expect_wrong("--queue a --queue 12345678901",
                 "--queue: '12345678901' is 11 bytes long; allowed are 1 to 10");
    assert_good(load("--nice 19 --grace 100ms --cache 1024 --workers 1"));
    assert_int_equal(got.nice, 19);
}

TEST(a_wrong_environment_is_named)
{
    setenv("SAMPLE_WORKERS", "many", 1);
    expect_wrong("", "SAMPLE_WORKERS: 'many' is not a whole number");
    expect_wrong("--workers 1", "SAMPLE_WORKERS: 'many' is not a whole number");
    unsetenv("SAMPLE_WORKERS");
    setenv("SAMPLE_QUEUES", "a,,b", 1);
    expect_wrong("", "SAMPLE_QUEUES needs a value");
}

TEST(lists_have_an_end)
{
    static char many[2 * SETTINGS_LIST_MAX + 3];
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ',' : 'a';
    many[2 * SETTINGS_LIST_MAX - 1] = '\0';
    setenv("SAMPLE_QUEUES", many, 1);
    assert_good(load(""));
    assert_int_equal(got.queue.count, SETTINGS_LIST_MAX);
    many[2 * SETTINGS_LIST_MAX - 1] = ',';
    setenv("SAMPLE_QUEUES", many, 1);
    expect_wrong("", "SAMPLE_QUEUES: more than 1024 entries");
}

static const char *command_of(const char *line)
{
    static char words[256];
    char *argv[WORDS_MAX] = {(char[]){"sample"}};
    int argc = 1;
    strcpy(words, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return settings_command(&sample_table, argc, argv);
}

TEST(the_command_is_found_among_options)
{
    assert_string_equal(command_of("submit --data x"), "submit");
    assert_string_equal(command_of("--data x submit"), "submit");
    assert_string_equal(command_of("--data=x submit"), "submit");
    assert_string_equal(command_of("-dx -iv submit"), "submit");
    assert_string_equal(command_of("-ivd x submit"), "submit");
    assert_string_equal(command_of("--verbose submit"), "submit");
    assert_string_equal(command_of("--unknown submit"), "submit");
    assert_string_equal(command_of("-- --data"), "--data");
    assert_null(command_of(""));
    assert_null(command_of("--data submit"));
    assert_null(command_of("--"));
}

TEST(exit_statuses)
{
    assert_int_equal(settings_exit(SETTINGS_ANSWERED), 0);
    assert_int_equal(settings_exit(SETTINGS_WRONG), 2);
    assert_int_equal(settings_exit(-12), 1);
}

TEST(fini_allows_nothing)
{
    settings_fini(&sample_table, NULL);
    settings_list_fini(NULL);
    assert_good(load("--queue a --data b"));
    settings_fini(&sample_table, &got);
    assert_null(got.data);
    assert_int_equal(got.queue.count, 0);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, clear_environment, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(defaults_alone),
        ONE(long_options_in_both_spellings),
        ONE(letters_alone_grouped_and_with_values),
        ONE(the_last_of_several_wins_and_values_may_be_empty),
        ONE(words_may_stand_anywhere),
        ONE(a_program_without_words_refuses_them),
        ONE(environment_stands_between_default_and_command_line),
        ONE(a_comma_on_the_command_line_is_part_of_the_word),
        ONE(unknown_options_are_named),
        ONE(missing_values_are_named),
        ONE(wrong_values_are_named_with_what_is_expected),
        ONE(values_outside_their_limits_are_named_with_the_limits),
        ONE(a_wrong_environment_is_named),
        ONE(lists_have_an_end),
        ONE(the_command_is_found_among_options),
        ONE(exit_statuses),
        ONE(fini_allows_nothing),
    };
    return TESTS_RUN(tests);
}
