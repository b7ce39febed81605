/* Messages about queues and budgets: their settings, and how they stand. Only admins change
 * anything; everybody may look. */
#ifndef REEVE_BROKER_CORE_SETTINGS_H
#define REEVE_BROKER_CORE_SETTINGS_H

#include "broker/core/memory.h"

/* Each: 0, REFUSED, -errno. */
int handle_set_queue(struct core *core, struct session *session, const struct message *message);
int handle_get_queue(struct core *core, struct session *session, const struct message *message);
int handle_get_queues(struct core *core, struct session *session, const struct message *message);
int handle_set_budget(struct core *core, struct session *session, const struct message *message);
int handle_get_budgets(struct core *core, struct session *session, const struct message *message);

#endif
