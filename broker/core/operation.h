/* Durable operations: cancel, retry, delete or purge all jobs that fit a filter.
 *
 * An operation is a record with a place in the order of creation. After each batch one of those
 * that run does a slice, large when the broker has nothing else to do, small beside other work, so
 * that submits never wait for it; record and jobs change in the same commit, so that it goes on
 * exactly where it stood after a crash. It means the jobs that were there when it was asked for.
 *
 * A retry may begin with canaries and go on at a pace, and stops by itself once more than
 * failures_max of the jobs it made run again have failed again. */
#ifndef REEVE_BROKER_CORE_OPERATION_H
#define REEVE_BROKER_CORE_OPERATION_H

#include "broker/core/memory.h"

int handle_start_operation(struct core *core, struct session *session,
                           const struct message *message);
int handle_get_operation(struct core *core, struct session *session, const struct message *message);
int handle_stop_operation(struct core *core, struct session *session,
                          const struct message *message);
int handle_list_operations(struct core *core, struct session *session,
                           const struct message *message);

/* Does a slice of one operation; sets core->again where there is more to do now. 0, -errno. */
int operations_run(struct core *core);

/* When operations_run has work that waits for its pace, mono ms; UINT64_MAX: nothing waits so. */
uint64_t operations_next(const struct core *core);

/* A job that an operation made run again has ended (job_move says so); clears s.operation. */
void operation_job_ended(struct core *core, struct job *job, enum job_state to);

/* The timer of an operation that ended long ago: it is forgotten. 0, -errno. */
int operation_expire(struct core *core, struct slice what);

/* Reads those that run from the store, forgetting what was in memory. 0, -errno. */
int operations_load(struct core *core);
void operations_fini(struct core *core);

#endif
