/* Adding to the list of what a batch wants sent; the list itself is in core.h. */
#ifndef REEVE_BROKER_CORE_EFFECTS_H
#define REEVE_BROKER_CORE_EFFECTS_H

#include "broker/core/core.h"

/* Appends an effect and encodes `message` (NULL: no bytes) as its frame. 0, -ENOMEM. */
int effects_add(struct effects *effects, enum effect_kind kind, uint32_t peer,
                const struct uuid *topic, const struct message *message);

#endif
