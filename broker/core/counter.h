/* How many jobs there are, by state, of all, of each queue, type and owner (and of the system
 * queue's jobs again by type and owner): exact, because every
 * move goes through counter_move in the job's own batch. In memory; what changed is written once
 * per batch. */
#ifndef REEVE_BROKER_CORE_COUNTER_H
#define REEVE_BROKER_CORE_COUNTER_H

#include "broker/core/memory.h"

/* The most names one dimension may have: a bound on memory. */
enum { COUNTER_NAMES_MAX = 100000 };

/* May a job with these names be added? 0, REFUSED (too many different names), -ENOMEM. The
 * counters exist afterwards, so that counter_move can't fail. */
int counter_admit(struct core *core, struct text queue, struct text type, struct text owner);

/* A job of that state's names goes from one state to another (JOB_NONE: born, or gone). */
void counter_move(struct core *core, const struct rec_state *state, enum job_state from,
                  enum job_state to);

/* The counter of a name, or NULL: nothing was ever counted under it. */
const struct counter *counter_find(const struct core *core, char dimension, struct text name);
/* The same for pace.c, which keeps its figures in them. */
struct counter *counter_at(const struct core *core, char dimension, struct text name);

/* Writes what changed since the last call. 0 or -errno of the store. */
int counters_save(struct core *core);

/* Forgets everything and reads the table. 0, -errno. */
int counters_load(struct core *core);
void counters_fini(struct core *core);

#endif
