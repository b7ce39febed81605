/* The message `submit`: checking, making, answering; ids and keys that make resending safe. */
#ifndef REEVE_BROKER_CORE_SUBMIT_H
#define REEVE_BROKER_CORE_SUBMIT_H

#include "broker/core/memory.h"

/* 0, REFUSED, -errno. */
int handle_submit(struct core *core, struct session *session, const struct message *message);

#endif
