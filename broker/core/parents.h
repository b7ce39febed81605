/* Dependencies: which jobs a job waits for, and who reads whose result.
 *
 * Two tables say it from both ends: PARENT (child | n → parent) in the order of the submit, and
 * CHILD (parent | over | child → settled): `over` moves the row aside once the child has ended, so
 * that one seek finds out whether anybody still needs the parent; `settled` says that a blocked
 * child has taken note of the parent's end, so that it counts once. What follows from an end is
 * family.c's. There are no cycles: a job can only name jobs that were there before it. */
#ifndef REEVE_BROKER_CORE_PARENTS_H
#define REEVE_BROKER_CORE_PARENTS_H

#include "broker/core/caller.h"
#include "broker/core/memory.h"

/* The value of a CHILD row. */
struct slice parents_edge(bool settled);

/* Are these ids good to depend on: existing, visible, each once? `earlier` (may be NULL): ids of
 * jobs that the same submit makes first. 0, REFUSED, -errno. */
int parents_check(struct core *core, const struct caller *caller, struct slice ids,
                  const struct buf *earlier);

/* Writes the rows of a new job and counts its parents in job->s. *failed_out: the first that has
 * failed or was cancelled, or null. 0, -errno. */
int parents_link(struct core *core, struct job *job, struct slice ids, struct uuid *failed_out);

/* A job that is tried again waits for those of its parents that have not ended (again). */
int parents_link_again(struct core *core, struct job *job);

/* Are these the job's parents, in this order? 0 with *same_out, -errno. */
int parents_same(struct core *core, const struct uuid *id, struct slice ids, bool *same_out);

/* The first `limit` parents as a list of ids in core->parents; those that are gone too unless
 * `existing`. */
int parents_list(struct core *core, const struct uuid *id, size_t limit, bool existing,
                 struct slice *list_out);

/* The first parent that a blocked job waits for; null: none. */
int parents_first_open(struct core *core, const struct uuid *id, struct uuid *parent_out);

/* Does a child that is not over need the job's result? 1 with its id, 0, -errno. */
int parents_needed(struct core *core, const struct uuid *id, struct uuid *child_out);

/* The child is over, or not any more. */
int parents_mark(struct core *core, const struct uuid *parent, const struct uuid *child, bool over);

/* Removes at most `limit` rows of a deleted job. 1: there are more; 0, -errno. */
int parents_sweep(struct core *core, const struct uuid *id, size_t limit);

/* The message `get_parents`. */
int handle_get_parents(struct core *core, struct session *session, const struct message *message);

#endif
