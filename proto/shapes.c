/* The descriptors of every shape and message, and the lists of their names, made from the tables.
 *
 * Must never hold a list of its own: what is here follows from shapes.def and messages.def. */
#include "proto/shapes.h"

#include "proto/descriptor.h"

/* The names that descriptor.h declares, as aliases: one object, two types. */
#define SHAPE(NAME, name) \
    extern const struct shape of_##NAME[1] __attribute__((alias("shape_" #name)));
#include "proto/shapes.def"
#undef SHAPE

#define SHAPE(NAME, name) SHAPE_DESCRIPTOR(name, wire_##name, FIELDS_##NAME)
#include "proto/shapes.def"
#undef SHAPE

#define MESSAGE(NAME, name, from) \
    DESCRIBE(static, message_##name, msg_##name, #name, FIELDS_##NAME)
#include "proto/messages.def"
#undef MESSAGE

DESCRIBE(, shape_envelope, msg_envelope, "envelope", FIELDS_ENVELOPE)

#define CLIENT FROM_CLIENT
#define WORKER FROM_WORKER
#define BROKER FROM_BROKER
#define EVENTS FROM_EVENTS

const struct message_row message_rows[MSG_COUNT] = {
    [MSG_NONE] = {TEXT_INIT("none"), NULL, 0},
#define MESSAGE(NAME, name, from) [MSG_##NAME] = {TEXT_INIT(#name), &message_##name, (from)},
#include "proto/messages.def"
#undef MESSAGE
};
