/* Black boxes: one row for each segment of a job that ran, kept when it has ended.
 *
 * What a worker measured comes with `done`; of segments that were lost, or that the broker ended by
 * itself, the row has what the broker knows. Nothing in a row is guessed. Log lines are not copied:
 * the row says which lines are the segment's, and the answer joins the last of them. */
#ifndef REEVE_BROKER_CORE_ATTEMPT_H
#define REEVE_BROKER_CORE_ATTEMPT_H

#include "broker/core/memory.h"

/* How a segment ended. */
struct attempt_end {
    const char *outcome;              /* "completed", "lost", … */
    struct slice box;                 /* an encoded wire_box, or empty */
    const struct wire_failure *error; /* NULL: none */
};

/* Keeps the row of the job's present segment; the oldest goes where there are too many. Call while
 * the job still has the segment's worker, fence and times; the caller saves the job. 0, -errno. */
int attempt_keep(struct core *core, struct job *job, const struct attempt_end *end);

/* The message `get_attempts`. 0, REFUSED, -errno. */
int handle_get_attempts(struct core *core, struct session *session, const struct message *message);

#endif
