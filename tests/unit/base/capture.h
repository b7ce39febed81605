/* What a function writes on a standard descriptor, as text.
 * Must never be used by two threads at once.
 */
#ifndef REEVE_TESTS_UNIT_BASE_CAPTURE_H
#define REEVE_TESTS_UNIT_BASE_CAPTURE_H

/* Turns the descriptor (1 or 2) to a temporary file until capture_end. */
void capture_begin(int fd);

/* Turns it back. Gives what was written, for the caller to free. */
char *capture_end(void);

/* Runs `body(state)` in a child process; its wait status. */
int capture_child(void (*body)(void *state), void *state);

#endif
