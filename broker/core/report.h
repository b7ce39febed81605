/* What handlers report while they run: progress, stages, logs, checkpoints. */
#ifndef REEVE_BROKER_CORE_REPORT_H
#define REEVE_BROKER_CORE_REPORT_H

#include "broker/core/memory.h"

/* The message `report`: each item is stored once, under the current fence only, and answered. */
int handle_report(struct core *core, struct session *session, const struct message *message);

#endif
