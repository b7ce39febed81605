/* Unique keys: per owner, queue and key, one job that has not ended.
 *
 * The row of the unique table names the holder, and the one job that waits for the holder's end
 * (`supersede`). Whoever has ended, its handler gone, is in no row. Only this file writes them. */
#ifndef REEVE_BROKER_CORE_UNIQUE_H
#define REEVE_BROKER_CORE_UNIQUE_H

#include "broker/core/memory.h"

/* May a job with this spec be made? 0; REFUSED (the key is taken: core->fault_job is the holder);
 * -errno. *existing_out: the job that is the answer instead of a new one, or null. */
int unique_check(struct core *core, const struct wire_spec *spec, struct uuid *existing_out);

/* A new job, not yet in the store, takes its key: cancels whom its policy says. *waits_out: the
 * holder has to end first. To be called only where unique_check said 0. */
int unique_take(struct core *core, const struct wire_spec *spec, const struct uuid *id,
                bool *waits_out);

/* A job that ended takes its key again. 0, REFUSED with nothing changed, -errno. */
int unique_check_again(struct core *core, const struct job *job);
int unique_take_again(struct core *core, const struct job *job);

/* The job is over: its key passes to who waits for it, or is free. */
int unique_leave(struct core *core, const struct job *job);

/* Whose end the job waits for; null: it holds its key, or has none. */
int unique_waits_for(struct core *core, const struct job *job, struct uuid *holder_out);

/* All or none: may these jobs stand in one batch? Takes them one by one, `batch` zeroed first. */
struct unique_batch {
    struct buf keys;
    uint32_t count;
};
int unique_batch_add(struct unique_batch *batch, const struct wire_spec *spec, uint32_t index);
/* 0, REFUSED. *index_out: the job whose key an earlier one of the batch takes. */
int unique_batch_check(struct core *core, struct unique_batch *batch, uint32_t *index_out);
void unique_batch_fini(struct unique_batch *batch);

#endif
