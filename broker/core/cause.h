/* Failed jobs by their cause: "2,000 failures, 3 causes".
 *
 * A cause is the fingerprint of the job's type, its error's type and its error's message without
 * numbers, ids and quoted words, so that one bug is one cause. Table CAUSE has a row for the cause
 * with its exact count, and one for each job; both are kept by job_move. */
#ifndef REEVE_BROKER_CORE_CAUSE_H
#define REEVE_BROKER_CORE_CAUSE_H

#include "broker/core/memory.h"

/* The fingerprint of a failure; never 0. */
uint64_t cause_of(struct text type, struct text error, struct text message);

/* A job becomes failed (its error and completed_at are set; sets s.cause), or is not any more. 0,
 * -errno. */
int cause_add(struct core *core, struct job *job);
int cause_remove(struct core *core, const struct job *job);

/* As text: CAUSE_LEN hex digits. cause_parse: 0, or 1 where the text is none. */
void cause_format(uint64_t cause, char out[CAUSE_LEN + 1]);
int cause_parse(struct text text, uint64_t *cause_out);

int handle_get_causes(struct core *core, struct session *session, const struct message *message);

#endif
