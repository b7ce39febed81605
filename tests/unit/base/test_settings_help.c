/* --help and --version: from the table, on stdout. */
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/base/capture.h"
#include "tests/unit/base/sample.h"

static char *answer_to(const char *first, const char *second)
{
    struct sample_settings settings = {0};
    char *argv[] = {(char[]){"sample"}, strdup(first), strdup(second)};
    capture_begin(1);
    int rc = settings_load(&sample_table, *second ? 3 : 2, argv, &settings, NULL);
    char *words = capture_end();
    free(argv[1]);
    free(argv[2]);
    assert_int_equal(rc, SETTINGS_ANSWERED);
    return words;
}

static void expect_line(const char *words, const char *line)
{
    if (!strstr(words, line))
        fail_msg("'%s' is not in:\n%s", line, words);
}

TEST(help_teaches)
{
    char *words = answer_to("--help", "");
    const char *start = "Usage: sample --data DIR [OPTION]... [FILE]...\n\nA made-up program.\n";
    assert_memory_equal(words, start, strlen(start));
    expect_line(words, "\n  -d, --data DIR          Folder of the store.\n"
                       "                          (environment: SAMPLE_DATA)\n");
    expect_line(words, "\n      --listen ADDR:PORT  Where to listen.");
    expect_line(words, "(default: 127.0.0.1:8080)\n");
    expect_line(words, "(default: 4; environment: SAMPLE_WORKERS)\n");
    expect_line(words, "\n  -q, --queue NAME ...    Queues to serve.\n");
    expect_line(words, "\n  -i, --insecure          No keys.\n");
    expect_line(words, "\n  -h, --help              Print this help.\n");
    expect_line(words, "\nExamples:\n  sample --data /tmp\n");
    assert_null(strstr(words, "secret-door"));
    free(words);
}

TEST(help_is_wrapped_within_the_width)
{
    char *words = answer_to("-h", "");
    expect_line(words, "table, at blanks only.\n");
    for (char *line = strtok(words, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 88);
    free(words);
}

TEST(version)
{
    char *words = answer_to("--version", "");
    assert_string_equal(words, "sample 1.2.3\n");
    free(words);
}

TEST(help_comes_after_other_options_and_in_a_wrong_environment)
{
    char *words = answer_to("-i", "--help");
    expect_line(words, "Usage: sample");
    free(words);
    setenv("SAMPLE_WORKERS", "many", 1);
    words = answer_to("--help", "");
    expect_line(words, "Usage: sample");
    free(words);
    unsetenv("SAMPLE_WORKERS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_teaches),
        cmocka_unit_test(help_is_wrapped_within_the_width),
        cmocka_unit_test(version),
        cmocka_unit_test(help_comes_after_other_options_and_in_a_wrong_environment),
    };
    return TESTS_RUN(tests);
}
