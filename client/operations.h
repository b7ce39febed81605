/* Calls about many jobs whose answers are used as structs; as jobs.h. Internal. */
#ifndef REEVE_CLIENT_OPERATIONS_H
#define REEVE_CLIENT_OPERATIONS_H

#include "client/handle.h"

/* operation_is. */
int operations_start(struct reeve *reeve, const struct reeve_bulk *bulk, const struct uuid *id,
                     handle_use *use, void *arg);
int operations_get(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

/* operations; causes. Texts may be NULL. */
int operations_list(struct reeve *reeve, const struct uuid *after, uint32_t limit, handle_use *use,
                    void *arg);
int operations_causes(struct reeve *reeve, const struct msg_get_causes *ask, handle_use *use,
                      void *arg);

#endif
