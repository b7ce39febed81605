/* Telling the outside that the program is ready or stopping: a line on stderr, and systemd.
 * Must never fail the program: who does not listen is not told.
 */
#ifndef REEVE_BASE_NOTIFY_H
#define REEVE_BASE_NOTIFY_H

/* Writes the line "ready TEXT" on stderr (TEXT names the bound endpoints, no control characters)
 * and sends READY=1 to $NOTIFY_SOCKET if there is one. */
void notify_ready(const char *text);

/* Sends STOPPING=1 to $NOTIFY_SOCKET if there is one. */
void notify_stopping(void);

#endif
