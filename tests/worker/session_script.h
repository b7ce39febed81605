/* Traces of a worker's session: a table of what happens and what it answers.
 *
 *     {0, "tick", "hello(2 [])"},
 *     {10, "welcome", "welcomed"},
 *     {20, "dispatch A1", "run(A1)"},
 *
 * A row is the time, an event, and all effects of stepping and flushing it. A hold is a job's
 * letter and its fence: A1. Events:
 *
 *     tick | drain | release | sendfail | welcome [A1…] | beat [A1…]      (A1…: named stale)
 *     dispatch A1[:TIMEOUT_MS] … | settled A1[!] … (!: stale) | reported A1=N …
 *     stop A1 REASON GRACE_MS | error CODE REQUEST
 *     progress A1 0.5 | log A1 TEXT | logs A1 COUNT | stage A1 NAME STATUS | checkpoint A1 NUMBER
 *     done A1 OUTCOME [ERRORTYPE | boxed]
 *
 * Effects, in their order, with a blank between: hello(SLOTS [held]) beat(SLOTS [held]) run(A1)
 * stop(A1 REASON GRACE) report#REQUEST(A1.N what …) done#REQUEST(A1 OUTCOME[/STOPPED]['['PID']'] …)
 * bye reconnect welcomed note ended. Must never be included outside tests/worker. */
#ifndef REEVE_TESTS_WORKER_SESSION_SCRIPT_H
#define REEVE_TESTS_WORKER_SESSION_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "worker/session.h"

struct script_row {
    uint64_t at; /* mono, ms */
    const char *in;
    const char *out; /* NULL: not looked at */
};

/* Plays the rows on a new session with `slots` slots; fails the test at the first row whose
 * effects are others. */
void script_play(uint32_t slots, const struct script_row *rows, size_t count);

#define SCRIPT_PLAY(slots, rows) script_play((slots), (rows), sizeof(rows) / sizeof *(rows))

#endif
