/* Answers to whoever spoke, and refusals. */
#ifndef REEVE_BROKER_CORE_REPLY_H
#define REEVE_BROKER_CORE_REPLY_H

#include "broker/core/memory.h"

/* Answers the current event: sets the request number and limits, adds the effect. 0, -ENOMEM. */
int reply(struct core *core, struct message *message);

/* Answers the current event with core->fault as an `error`. */
int reply_fault(struct core *core);

/* Sends `message` to a session's peer, if it is connected. */
int send_to(struct core *core, const struct session *session, struct message *message);

/* Sets core->fault and returns REFUSED. `field` may be "". */
int refuse(struct core *core, enum wire_error error, const char *field, const char *problem, ...)
    __attribute__((format(printf, 4, 5)));

#endif
