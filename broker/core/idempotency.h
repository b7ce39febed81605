/* Idempotency keys of submits: per owner, for IDEMPOTENCY_MS, with the answer that was given. */
#ifndef REEVE_BROKER_CORE_IDEMPOTENCY_H
#define REEVE_BROKER_CORE_IDEMPOTENCY_H

#include "broker/core/caller.h"

enum { IDEMPOTENCY_REPLAYED = 2 };

/* The key is known: IDEMPOTENCY_REPLAYED (answered as before), or REFUSED (used for something
 * else). 0: it is new. -errno. */
int idempotency_replay(struct core *core, const struct caller *caller,
                       const struct msg_submit *submit);

/* Keeps the answer under the key, in the same batch as the jobs. 0, -errno. */
int idempotency_keep(struct core *core, const struct caller *caller,
                     const struct msg_submit *submit, const struct message *answer);

/* The timer of a stored answer: it goes, unless the key has been used anew since. */
int idempotency_expire(struct core *core, struct slice what);

#endif
