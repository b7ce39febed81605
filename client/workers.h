/* Calls about workers whose answers are used as structs; as jobs.h. Internal. */
#ifndef REEVE_CLIENT_WORKERS_H
#define REEVE_CLIENT_WORKERS_H

#include "client/handle.h"

/* workers; worker_is. `after` may be NULL. */
int workers_list(struct reeve *reeve, const struct uuid *after, uint32_t limit, handle_use *use,
                 void *arg);
int workers_drain(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

#endif
