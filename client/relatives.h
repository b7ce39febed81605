/* Calls about a job and its relatives whose answers are used as structs. Internal; as in jobs.h. */
#ifndef REEVE_CLIENT_RELATIVES_H
#define REEVE_CLIENT_RELATIVES_H

#include "client/handle.h"

/* parents: one page. */
int relatives_parents(struct reeve *reeve, const struct uuid *id, uint64_t after, uint32_t limit,
                      handle_use *use, void *arg);

/* job_is: the new job. `params` is one msgpack value. */
int relatives_retry_with(struct reeve *reeve, const struct uuid *id, struct slice params,
                         struct uuid *id_out, handle_use *use, void *arg);

#endif
