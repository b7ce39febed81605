/* Plays a script's inputs and compares what comes of them with what it says.
 * Must never be used outside tests.
 */
#include "tests/testing.h"

#include "tests/client/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 512

static void put_line(struct trace *trace, const char *line)
{
    assert_good(
        buf_printf(&trace->transcript, "[%llu] %s\n", (unsigned long long)trace->now_ms, line));
}

void trace_out(struct trace *trace, const char *fmt, ...)
{
    char line[LINE_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    put_line(trace, line);
}

static void play(struct trace *trace, const char *line)
{
    char *rest;
    trace->now_ms = strtoull(line + 1, &rest, 10);
    rest += strspn(rest, "] ");
    if (strchr(">=*?", *rest))
        return;
    put_line(trace, rest);
    trace->input(trace->arg, trace, rest);
}

/* One blank after the time, however many the script has. */
static void normalise(const char *script, struct buf *out)
{
    for (const char *at = script; *at;) {
        size_t len = strcspn(at, "\n");
        size_t stamp = strcspn(at, "]") + 1;
        size_t rest = stamp + strspn(at + stamp, " ");
        assert_good(buf_printf(out, "%.*s %.*s\n", (int)stamp, at, (int)(len - rest), at + rest));
        at += len + (at[len] == '\n');
    }
}

void trace_run(struct trace *trace, const char *script)
{
    char line[LINE_SIZE];
    struct buf expected = {0};
    normalise(script, &expected);
    for (const char *at = script; *at;) {
        size_t len = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        play(trace, line);
        at += len + (at[len] == '\n');
    }
    assert_good(buf_append(&expected, "", 1));
    assert_good(buf_append(&trace->transcript, "", 1));
    if (strcmp((char *)expected.at, (char *)trace->transcript.at) != 0)
        print_message("--- expected\n%s--- came out\n%s---\n", (char *)expected.at,
                      (char *)trace->transcript.at);
    assert_string_equal((char *)expected.at, (char *)trace->transcript.at);
    buf_fini(&expected);
    buf_fini(&trace->transcript);
}
