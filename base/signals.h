/* SIGINT, SIGTERM and SIGHUP as a file descriptor; SIGPIPE as an error code of write.
 * Must never run code inside a signal handler.
 */
#ifndef REEVE_BASE_SIGNALS_H
#define REEVE_BASE_SIGNALS_H

/* Blocks SIGINT, SIGTERM and SIGHUP for this thread and those it starts later, ignores SIGPIPE, and
 * gives a descriptor (close-on-exec, non-blocking; the caller closes it) that is readable when one
 * has come. Call before threads start. The descriptor, or -errno. */
int signals_open(void);

/* The number of the next signal, 0 when none waits, or -errno. Never blocks. */
int signals_read(int fd);

/* For a child between fork and exec: nothing blocked, SIGPIPE as usual. Async-signal-safe. */
void signals_child(void);

#endif
