/* Log records: their shape, escaping, cutting, and whole lines from many threads. */
#include "tests/testing.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/base/capture.h"

#define THREADS 4
#define RECORDS 500

/* What one record looks like behind its time. */
static char *record_of(enum log_format format, const char *message)
{
    log_init("reeve-test", LOG_LEVEL_INFO, format);
    capture_begin(2);
    log_warning("some_event", "%s", message);
    return capture_end();
}

static void expect_text(const char *message, const char *expected)
{
    char *line = record_of(LOG_FORMAT_TEXT, message);
    assert_true(strlen(line) > 25);
    assert_string_equal(line + 25, expected);
    free(line);
}

TEST(text_records)
{
    char *line = record_of(LOG_FORMAT_TEXT, "hello");
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    free(line);
    expect_text("hello", "warning reeve-test some_event: hello\n");
    expect_text("say \"hi\" \\", "warning reeve-test some_event: say \"hi\" \\\n");
    expect_text("a\nb\tc", "warning reeve-test some_event: a\\nb\\tc\n");
    expect_text("\x1b[31mred\x7f", "warning reeve-test some_event: \\u001b[31mred\\u007f\n");
}

TEST(json_records)
{
    char *line = record_of(LOG_FORMAT_JSON, "a \"b\" \\ \n \x01 \xc3\xa9");
    const char *expected = "\",\"level\":\"warning\",\"program\":\"reeve-test\","
                           "\"event\":\"some_event\",\"message\":"
                           "\"a \\\"b\\\" \\\\ \\n \\u0001 \xc3\xa9\"}\n";
    assert_memory_equal(line, "{\"at\":\"", 7);
    assert_string_equal(line + 7 + 24, expected);
    free(line);
}

#define BAD "\xef\xbf\xbd"

TEST(broken_utf8_is_replaced)
{
    static const char *const samples[][2] = {
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", BAD},
        {"\xc3", BAD},
        {"\xe2\x82", BAD BAD},
        {"\xc0\xaf", BAD BAD},
        {"\xe0\x80\xaf", BAD BAD BAD},
        {"\xed\xa0\x80", BAD BAD BAD},
        {"\xf0\x80\x80\xaf", BAD BAD BAD BAD},
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char expected[128] = "warning reeve-test some_event: ";
        strcat(expected, samples[i][1]);
        strcat(expected, "\n");
        expect_text(samples[i][0], expected);
    }
}

TEST(levels_below_are_left_out)
{
    log_init("reeve-test", LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    assert_false(log_wants(LOG_LEVEL_INFO));
    assert_true(log_wants(LOG_LEVEL_ERROR));
    capture_begin(2);
    log_debug("a", "no");
    log_info("b", "no");
    log_warning("c", "yes");
    log_error("d", "yes");
    char *lines = capture_end();
    assert_null(strstr(lines, "no\n"));
    assert_non_null(strstr(lines, "warning reeve-test c: yes\n"));
    assert_non_null(strstr(lines, "error reeve-test d: yes\n"));
    free(lines);
}

TEST(long_records_are_cut_and_stay_one_whole_line)
{
    static char message[LOG_LINE_MAX * 2];
    for (size_t i = 0; i < sizeof message - 1; i++)
        message[i] = i % 2 ? '"' : '\n';
    char *line = record_of(LOG_FORMAT_JSON, message);
    size_t len = strlen(line);
    assert_true(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 32);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_string_equal(line + len - 6, "...\"}\n");
    assert_true(line[len - 7] == 'n' || line[len - 7] == '"');
    free(line);
}

TEST(errno_is_kept_even_when_stderr_is_gone)
{
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0);
    close(STDERR_FILENO);
    errno = ENOTTY;
    log_error("event", "unseen");
    int after = errno;
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
    assert_int_equal(after, ENOTTY);
}

static void *write_records(void *number)
{
    for (int i = 0; i < RECORDS; i++)
        log_info("thread", "%d aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", *(int *)number);
    return NULL;
}

TEST(threads_write_whole_lines)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    log_init("reeve-test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    capture_begin(2);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_good(pthread_create(&threads[i], NULL, write_records, &numbers[i]));
    }
    for (int i = 0; i < THREADS; i++)
        assert_good(pthread_join(threads[i], NULL));
    char *lines = capture_end();
    size_t count = 0;
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"), count++)
        assert_int_equal(strlen(line), 24 + strlen(" info reeve-test thread: 0 ") + 45);
    assert_int_equal(count, THREADS * RECORDS);
    free(lines);
}

TEST(words_for_levels_and_formats)
{
    enum log_level level = LOG_LEVEL_INFO;
    enum log_format format = LOG_FORMAT_TEXT;
    assert_good(log_level_parse(TEXT("error"), &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_good(log_level_parse(TEXT("debug"), &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse(TEXT("loud"), &level), LOG_UNREADABLE);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_good(log_format_parse(TEXT("json"), &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse(TEXT(""), &format), LOG_UNREADABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_records),
        cmocka_unit_test(json_records),
        cmocka_unit_test(broken_utf8_is_replaced),
        cmocka_unit_test(levels_below_are_left_out),
        cmocka_unit_test(long_records_are_cut_and_stay_one_whole_line),
        cmocka_unit_test(errno_is_kept_even_when_stderr_is_gone),
        cmocka_unit_test(threads_write_whole_lines),
        cmocka_unit_test(words_for_levels_and_formats),
    };
    return TESTS_RUN(tests);
}
