/* Writing structs as maps: what encode.c offers to codec.c. Internal to proto/. */
#ifndef REEVE_PROTO_ENCODE_H
#define REEVE_PROTO_ENCODE_H

#include "proto/codec.h"

/* Which fields of a struct are there, and the most bytes they take with their keys. */
struct presence {
    uint64_t mask;
    uint32_t count;
    size_t size_max;
};

struct presence encode_presence(const struct shape *shape, const void *value);

/* Writes the fields in `presence` as keys and values. Room for size_max must be reserved. */
void encode_fields(struct buf *out, const struct shape *shape, const void *value,
                   const struct presence *presence, enum shape_keys keys);

/* Writes a map's head, or a text; room must be reserved. */
void encode_map_head(struct buf *out, uint32_t pairs);
void encode_text(struct buf *out, struct text text);

#endif
