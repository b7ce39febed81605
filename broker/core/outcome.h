/* How a dispatch ends: what a worker says in `done`, and what the broker decides when it says
 * nothing. Each takes the running (or ending) job as loaded, moves it, tells it and saves it; the
 * lease is the caller's to drop. 0, -errno. */
#ifndef REEVE_BROKER_CORE_OUTCOME_H
#define REEVE_BROKER_CORE_OUTCOME_H

#include "broker/core/memory.h"

int outcome_ended(struct core *core, struct job *job, const char *reason);    /* after a cancel */
int outcome_undone(struct core *core, struct job *job, const char *reason);   /* never began */
int outcome_released(struct core *core, struct job *job, const char *reason); /* given back */
int outcome_lost(struct core *core, struct job *job);       /* its worker died with it */
int outcome_timeout(struct core *core, struct job *job);    /* nobody ended it in time */
int outcome_unanswered(struct core *core, struct job *job); /* of a waiting job */
int outcome_stuck(struct core *core, struct job *job);     /* silent for too long, and stopped */
int outcome_unstarted(struct core *core, struct job *job); /* waited for too long; no lease */

/* The message `done`. */
int handle_done(struct core *core, struct session *session, const struct message *message);

#endif
