/* Questions to people: a handler asks and ends, the job waits without a slot; the answer makes it
 * pending again, and its next dispatch is a further segment of the same attempt.
 *
 * The answer table keeps each question, with its answer once there is one; the last one is open
 * while the job is `waiting`. */
#ifndef REEVE_BROKER_CORE_ASK_H
#define REEVE_BROKER_CORE_ASK_H

#include "broker/core/memory.h"

/* Reads what a handler asks. 0; 1: it can't be asked, and *problem_out says why. */
int ask_read(struct slice encoded, struct wire_question *question_out, const char **problem_out);

/* Parks the running job until the question is answered or its time is over: keeps the question,
 * moves, tells, saves. 0, -errno. */
int ask_park(struct core *core, struct job *job, const struct wire_question *question);

/* The question that a waiting job has open, encoded for a wire_job, in `kept`. 0, -errno. */
int ask_open(struct core *core, const struct job *job, struct buf *kept,
             struct slice *question_out);

/* The answers that the job's handler gets, oldest first, as a list in `kept`; empty: none. */
int ask_answers(struct core *core, const struct job *job, struct buf *kept,
                struct slice *answers_out);

/* An event of the event table only says which question it is about: fills in the rest, as far as it
 * is still kept. What it points at lives in core->value. 0, -errno. */
int ask_join(struct core *core, const struct uuid *job, struct wire_event *event);

/* The timer of a question. 0, -errno. */
int ask_expire(struct core *core, const struct uuid *id);

/* The messages. 0, REFUSED, -errno. */
int handle_answer(struct core *core, struct session *session, const struct message *message);
int handle_get_question(struct core *core, struct session *session, const struct message *message);

#endif
