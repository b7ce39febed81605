/* CHECK: an assertion about our own state that also holds in release builds.
 * Must never be used on bytes from a wire or a disk, nor for out of memory at a request: those are
 * errors.
 */
#ifndef REEVE_BASE_CHECK_H
#define REEVE_BASE_CHECK_H

/* Prints "file:line: CHECK failed: condition" on stderr and aborts. Async-signal-safe, never
 * returns. */
_Noreturn void check_failed(const char *file, int line, const char *condition);

/* The condition is evaluated exactly once, in every kind of build. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

#endif
