/* Traces that read like a story: a script whose lines are what happens and what comes of it.
 *
 *     "[0]    request a\n"        an input: handed to `input`
 *     "[0]    > hello #1\n"       an output (begins with > = * or ?): must come out just so, here
 *
 * A script is run once: its inputs are played, the transcript of inputs and outputs is made, and
 * the two texts must be the same. Must never be used outside tests. */
#ifndef REEVE_TESTS_CLIENT_TRACE_H
#define REEVE_TESTS_CLIENT_TRACE_H

#include <stdint.h>

#include "base/buf.h"

struct trace {
    struct buf transcript;
    uint64_t now_ms;
    void (*input)(void *arg, struct trace *trace, const char *line);
    void *arg;
};

/* An output at the present time. */
void trace_out(struct trace *trace, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Plays the script and fails the test, with both texts, where the transcript differs. */
void trace_run(struct trace *trace, const char *script);

#endif
