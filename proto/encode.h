/* Writing structs as maps: what encode.c offers to codec.c. Internal to proto/. */
#ifndef REEVE_PROTO_ENCODE_H
#define REEVE_PROTO_ENCODE_H

#include "proto/codec.h"

/* The most a field takes beside a body of its own length: a key (a name of at most 31 letters, or a
 * number), a head, and a state's word or an id. */
#define ENCODED_FIELD_MAX 96

/* Which fields of a struct are there, and the bytes of those that have a length. */
struct presence {
    uint64_t mask;
    uint64_t body;
    uint32_t count;
};

static inline size_t presence_size_max(const struct presence *presence)
{
    return presence->count * (size_t)ENCODED_FIELD_MAX + (size_t)presence->body;
}

struct presence encode_presence(const struct shape *shape, const void *value);

/* Writes the fields in `presence` as keys and values. Room for presence_size_max must be
 * reserved. */
void encode_fields(struct buf *out, const struct shape *shape, const void *value,
                   const struct presence *presence, enum shape_keys keys);

/* Writes a map's head, or a text; room must be reserved. */
void encode_map_head(struct buf *out, uint32_t pairs);
void encode_text(struct buf *out, struct text text);

#endif
