/* What the codec knows of the messages beside their public descriptors. Internal to proto/.
 * Must never be included by another folder: codec.h has functions for it. */
#ifndef REEVE_PROTO_SHAPES_H
#define REEVE_PROTO_SHAPES_H

#include "proto/codec.h"

struct message_row {
    struct text name;
    const struct shape *shape; /* of its own fields; NULL for MSG_NONE */
    unsigned from;
};

extern const struct message_row message_rows[MSG_COUNT];

#endif
