/* Calls about queues and budgets whose answers are used as structs; as jobs.h. Internal. */
#ifndef REEVE_CLIENT_QUEUES_H
#define REEVE_CLIENT_QUEUES_H

#include "client/handle.h"

/* queues; queue_is; queue_is. Texts may be NULL. */
int queues_list(struct reeve *reeve, const char *after, uint32_t limit, handle_use *use, void *arg);
int queues_get(struct reeve *reeve, const char *queue, handle_use *use, void *arg);
int queues_set(struct reeve *reeve, const char *queue, const struct reeve_queue_change *change,
               handle_use *use, void *arg);

/* budgets; budget_is; budget_is. */
int budgets_list(struct reeve *reeve, handle_use *use, void *arg);
int budgets_set(struct reeve *reeve, const char *budget, const struct reeve_queue_change *change,
                handle_use *use, void *arg);
int budgets_remove(struct reeve *reeve, const char *budget, handle_use *use, void *arg);

#endif
