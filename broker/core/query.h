/* Questions about jobs. They change nothing. */
#ifndef REEVE_BROKER_CORE_QUERY_H
#define REEVE_BROKER_CORE_QUERY_H

#include "broker/core/memory.h"

/* Each: 0, REFUSED, -errno. */
int handle_get_job(struct core *core, struct session *session, const struct message *message);
int handle_get_result(struct core *core, struct session *session, const struct message *message);
int handle_get_logs(struct core *core, struct session *session, const struct message *message);
int handle_get_events(struct core *core, struct session *session, const struct message *message);
int handle_get_revs(struct core *core, struct session *session, const struct message *message);
int handle_get_stats(struct core *core, struct session *session, const struct message *message);
int handle_list_jobs(struct core *core, struct session *session, const struct message *message);

/* Where a job stands, for whoever has just subscribed to it: published under its topic. */
int publish_standing(struct core *core, const struct uuid *id);

#endif
